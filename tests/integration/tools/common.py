"""Shared by the tests of tools/: where things are, and how programs are run."""

import importlib.machinery
import importlib.util
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOOLS = os.path.join(ROOT, "tools")
QUOTED = shlex.quote(TOOLS)

sys.path.insert(0, os.path.join(TOOLS, "lib"))


def output_of(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **options)


def executables():
    """All programs of the tree that people start: (path, first line)."""
    for folder in ("tools", "guest-mesa/mesa", "guest-mesa/image", "guest-mesa/package",
                   "qemu-patches", ".ci"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            path = os.path.join(ROOT, folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                with open(path, encoding="utf-8") as file:
                    yield path, file.readline()


def state_of(process):
    """A process's state as in proc(5), stat; empty when it is gone."""
    try:
        with open("/proc/%d/stat" % process, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def load(name):
    """One of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
