#!/usr/bin/env python3
"""Clang holds the code to the lock rules that base/mutex.h lets it state.

locks_test.py CLANG BUILD-DIRECTORY"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from compilation import compiled_units

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop()).resolve()
CLANG = sys.argv.pop()
RULE = re.compile(r"\bVIADUCT_(GUARDED_BY|REQUIRES)\b")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# Folders whose locks are all stated as rules, and so must be among what is checked.
COVERED = ("display/embed", "display/gpu_copy", "drm-context/account", "drm-context/front", "drm-context/worker",
           "guest-mesa/layer", "guest-mesa/layer/amdgpu", "guest-mesa/layer/i915",
           "guest-mesa/layer/xe", "renderer", "renderer/record",
           "renderer/storage", "simgpu/amd/kernel", "simgpu/drm",
           "simgpu/intel/kernel/i915", "simgpu/intel/kernel/xe", "simgpu/memory", "simgpu/sched",
           "simgpu/sync")
# The rest of a command is another compiler's: its warnings, its sanitizers.
KEPT = ("-I", "-D", "-std=", "-isystem")
CHECK = [CLANG, "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]
# What has passed is not read again: for ccache's sake it is compiled.
CCACHE = [program for program in [shutil.which("ccache")] if program]


def states_rule(path):
    return path.exists() and RULE.search(path.read_text(encoding="utf-8")) is not None


def has_rules(source):
    """Whether the source, or a header of the tree that it includes, states a rule."""
    included = INCLUDE.findall(source.read_text(encoding="utf-8"))
    return states_rule(source) or any(states_rule(ROOT / path) for path in included
                                      if path != "base/mutex.h")


def compiled():
    """The units of this build, each with its sources but for tests, which reach nothing that is guarded."""
    for _, entry, sources in compiled_units(BUILD):
        yield entry, frozenset(source for source in sources if source.is_relative_to(ROOT)
                               and not source.is_relative_to(ROOT / "tests"))


def commands():
    """A command per unit that has rules, as {its sources: (directory, arguments)}, but for "-o". A unit is read as
    a whole, like the compiler does: most of the time goes into headers."""
    found = {}
    for entry, sources in compiled():
        if sources in found or not any(map(has_rules, sources)):
            continue
        # Where files have 64 bits anyway, Clang takes the C library's two names of fcntl for one.
        kept = [word for word in shlex.split(entry["command"])
                if word.startswith(KEPT) and not word.startswith("-D_FILE_OFFSET_BITS")]
        found[sources] = (entry["directory"], [*CCACHE, *CHECK, *kept, "-c", entry["file"]])
    return found


def folders_of(units):
    return {str(source.parent.relative_to(ROOT)) for sources in units for source in sources}


def run(job):
    directory, arguments = job
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*arguments, "-o", os.path.join(folder, "unit.o")], cwd=directory,
                              check=False, capture_output=True, text=True,
                              env={**os.environ, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": str(ROOT)})


class Clang(unittest.TestCase):
    """Clang finds what breaks a rule."""

    def faults(self, body):
        code = f'''#include "base/mutex.h"
            class Counter {{
                void add() VIADUCT_REQUIRES(mutex_) {{ ++count_; }}
                void run() {{ {body} }}
                viaduct::Mutex mutex_;
                int count_ VIADUCT_GUARDED_BY(mutex_) = 0;
            }};'''
        return subprocess.run([*CHECK, "-fsyntax-only", "-std=c++20", f"-I{ROOT}", "-x", "c++", "-"], input=code,
                              check=False, capture_output=True, text=True).stderr

    def test_passes_what_holds_the_mutex(self):
        self.assertEqual(self.faults("const viaduct::LockGuard lock(mutex_); ++count_; add();"), "")
        self.assertEqual(self.faults("viaduct::UniqueLock lock(mutex_); add();"), "")

    def test_finds_a_member_that_is_used_without_it(self):
        self.assertIn("'count_' requires holding mutex 'mutex_'", self.faults("++count_;"))

    def test_finds_a_call_without_it(self):
        self.assertIn("'add' requires holding mutex 'mutex_'", self.faults("add();"))

    def test_finds_a_use_after_it_was_released(self):
        self.assertIn("'count_' requires holding mutex 'mutex_'", self.faults(
            "{ const viaduct::LockGuard lock(mutex_); } ++count_;"))


class ThisTree(unittest.TestCase):
    def test_keeps_to_its_rules(self):
        jobs = commands()
        built = folders_of(sources for _, sources in compiled())
        self.assertEqual(set(COVERED) & built, set(COVERED) & folders_of(jobs))
        self.assertGreater(len(set().union(*jobs)), 100)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(run, jobs.values()))
        faults = "\n".join(result.stderr for result in results if result.returncode != 0)
        self.assertEqual(faults, "")


if __name__ == "__main__":
    unittest.main()
