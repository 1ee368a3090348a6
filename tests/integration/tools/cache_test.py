#!/usr/bin/env python3
"""tools/lib: the cache, builds and what runs in the background."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

from common import QUOTED, TOOLS, output_of, state_of


class Cache(unittest.TestCase):
    """cache_make of tools/lib/common.sh."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def command(self, text):
        return ["bash", "-c", "set -euo pipefail; . %s/lib/common.sh; %s" % (QUOTED, text)]

    def run_bash(self, text):
        return output_of(*self.command(text), env={**os.environ, "XDG_CACHE_HOME": self.folder})

    def entry(self, name="it-key"):
        return os.path.join(self.folder, "viaduct", name)

    def test_what_is_half_made_is_never_put_in_place(self):
        make = "make() { touch $1/begun; false; touch $1/done; }; "
        for call in ("cache_make it key make", "(cache_make it key make) >&2",
                     "path=$(cache_make it key make)", "f() { cache_make it key make; }; x=$(f)"):
            done = self.run_bash(make + call)
            self.assertNotEqual(done.returncode, 0, call)
            self.assertFalse(os.path.exists(self.entry()), call)
            self.assertIn("could not make it-key", done.stdout)

    def test_an_interrupted_run_leaves_nothing_that_counts(self):
        process = subprocess.Popen(
            self.command("make() { touch $1/old; echo ready; sleep 60; }; cache_make it key make"),
            stdout=subprocess.PIPE, env={**os.environ, "XDG_CACHE_HOME": self.folder},
            start_new_session=True)
        with process:
            process.stdout.readline()
            os.killpg(process.pid, signal.SIGKILL)
        self.assertFalse(os.path.exists(self.entry()))
        done = self.run_bash("make() { touch $1/new; }; cache_make it key make")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(os.listdir(self.entry()), ["new"])

    def test_two_at_once_make_it_once(self):
        text = "make() { echo made; sleep 1; touch $1/done; }; cache_make it key make"
        runs = [subprocess.Popen(self.command(text), stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL,
                                 env={**os.environ, "XDG_CACHE_HOME": self.folder})
                for _ in range(3)]
        outputs = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0, 0])
        self.assertEqual("".join(outputs), "made\n")

    def test_another_input_is_another_entry(self):
        for kind in ("one", "two"):
            self.run_bash("make() { echo %s >$1/what; }; "
                          "cache_make it $(cache_key <(declare -f make)) make" % kind)
        entries = [name for name in os.listdir(self.entry("")) if not name.endswith(".lock")]
        self.assertEqual(len(entries), 2)

    def test_a_comment_in_a_trees_description_makes_no_other_tree(self):
        key = self.run_bash("eval \"$(sed -n '/^describe()/p; /^make_tree/,/^}/p; "
                            "/^tree_key/,/^}/p' %s/tree)\"; source_root=$FOLDER; for text in 'suite a' "
                            "'suite a # why' 'suite b'; do mkdir -p $FOLDER/tools/trees; "
                            "echo \"$text\" >$FOLDER/tools/trees/t; tree_key t; done"
                            .replace("$FOLDER", self.folder) % QUOTED).stdout.split()
        self.assertEqual(len(key), 3, key)
        self.assertEqual(key[0].strip(), key[1].strip())
        self.assertNotEqual(key[0], key[2])


class Build(unittest.TestCase):
    """tools/lib/build.sh, and tools/deps."""

    SOURCE = "set -euo pipefail; . %s/lib/common.sh; . %s/lib/build.sh; " % (QUOTED, QUOTED)
    # dpkg-query and apt-get on a machine whose packages are the lines of the file "installed".
    DPKG_QUERY = "#!/bin/sh\ncat $FOLDER/installed\n"
    APT_GET = """#!/bin/sh
echo "Reading package lists..."
echo "$*" >>$FOLDER/calls
case "$*" in *install*)
    sleep 0.5
    for word; do echo "ii $word"; done >>$FOLDER/installed ;;
esac
"""
    SUDO = "#!/bin/sh\nexec \"$@\"\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def wait_for(self, name):
        deadline = time.monotonic() + 30
        while not os.path.exists(self.path(name)):
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.02)

    def assert_ends(self, process):
        deadline = time.monotonic() + 30
        while state_of(process) not in ("", "Z"):
            self.assertLess(time.monotonic(), deadline, "%d goes on" % process)
            time.sleep(0.02)

    def test_nothing_in_the_background_outlives_a_script(self):
        job = ("job() { sleep 300 & echo $! >$1/new; mv $1/new $1/sleep; wait; }; "
               "in_background job %s; " % self.folder)
        for end, by, status in (("die 'no compiler'", None, 1), ("sleep 60", signal.SIGINT, 130),
                                ("sleep 60", signal.SIGTERM, 143)):
            text = self.SOURCE + job + "until [[ -e %s ]]; do sleep 0.05; done; %s" % (
                self.path("sleep"), end)
            with subprocess.Popen(["bash", "-c", text], stderr=subprocess.DEVNULL,
                                  start_new_session=True,
                                  # As a terminal's: not ignored.
                                  preexec_fn=lambda: signal.signal(
                                      signal.SIGINT, signal.default_int_handler)) as process:
                self.wait_for("sleep")
                if by:
                    os.killpg(process.pid, by)
                self.assertEqual(process.wait(30), status, end)
            self.assert_ends(int(self.read("sleep")))
            os.unlink(self.path("sleep"))

    def test_what_runs_in_the_background_has_its_status(self):
        for status in (0, 3):
            done = output_of("bash", "-c", self.SOURCE + "job() { return %d; }; in_background job; "
                             "finish_background && echo good || echo bad $?" % status)
            self.assertEqual(done.stdout, "good\n" if status == 0 else "bad 3\n")
            self.assertEqual(done.returncode, 0)

    def test_a_directory_is_configured_and_built_by_one_at_a_time(self):
        text = self.SOURCE + "work() { echo in; sleep 0.3; echo out; }; in_turn %s work" % (
            self.path("build"))
        with open(self.path("order"), "w", encoding="utf-8") as order:
            runs = [subprocess.Popen(["bash", "-c", text], stdout=order, stderr=subprocess.DEVNULL)
                    for _ in range(3)]
            self.assertEqual([run.wait(60) for run in runs], [0, 0, 0])
        self.assertEqual(self.read("order"), "in\nout\n" * 3)
        with open(os.path.join(TOOLS, "test"), encoding="utf-8") as file:
            self.assertNotRegex(file.read(), r"(?m)^ *configure")  # but through in_turn
        failed = output_of("bash", "-c", self.SOURCE + "in_turn %s false" % self.path("build"))
        self.assertEqual(failed.returncode, 1)

    def test_packages_are_installed_once_and_quietly(self):
        os.mkdir(self.path("bin"))
        for name, text in (("dpkg-query", self.DPKG_QUERY), ("apt-get", self.APT_GET),
                           ("sudo", self.SUDO)):
            with open(self.path("bin/" + name), "w", encoding="utf-8") as file:
                file.write(text.replace("$FOLDER", self.folder))
            os.chmod(self.path("bin/" + name), 0o755)
        with open(self.path("installed"), "w", encoding="utf-8") as file:
            file.write("ii meson\n")
        environment = {**os.environ, "XDG_CACHE_HOME": self.folder,
                       "PATH": self.path("bin") + ":" + os.environ["PATH"]}
        runs = [subprocess.Popen([os.path.join(TOOLS, "deps")], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL, env=environment) for _ in range(2)]
        outputs = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0])
        self.assertEqual(outputs, ["", ""])
        calls = self.read("calls").splitlines()
        self.assertEqual(len(calls), 2, calls)  # update, install
        for call in calls:
            self.assertIn("DPkg::Lock::Timeout=", call)
        self.assertIn(" ninja-build", calls[1])
        self.assertNotIn(" meson", calls[1])


if __name__ == "__main__":
    unittest.main()
