"""tests/hostile/cases.toml: what a hostile guest can do, and the tests of each case."""

import dataclasses
import fnmatch
import json
import os
import re
import tomllib

from cli import Failure

DRIVERS = ("amdgpu", "i915", "xe")
MODES = ("process", "thread")
# Test suites of one driver begin with its name, as in tests/integration/meson.build.
PREFIXES = {"Amdgpu": "amdgpu", "I915": "i915", "Xe": "xe"}


@dataclasses.dataclass(frozen=True)
class Program:
    """A test of this build.

    test     its name in meson; {mode} and {driver} ("", "-i915" or "-xe") stand for one test each
    drivers  those that it is run with
    modes    likewise
    own      it tests parts of this library, or its workers: nothing of another library
    """

    key: str
    test: str
    drivers: tuple = DRIVERS
    modes: tuple = MODES
    own: bool = False

    def meson_name(self, driver, mode):
        suffix = "" if driver == DRIVERS[0] else "-" + driver
        return self.test.format(mode=mode, driver=suffix)


@dataclasses.dataclass(frozen=True)
class Case:
    """guest: what it does. host: what a correct one does. tests: (program, filter) pairs. note: why
    there are no tests, or where else the case is tested."""

    id: str
    guest: str
    host: str
    tests: tuple = ()
    note: str = ""

    def obstacle(self, driver, mode, other_library):
        """Why none of its tests can run; empty if one can."""
        if self.applicable(driver, mode, other_library):
            return ""
        if not self.tests:
            return self.note
        if other_library and self.applicable(driver, mode, False):
            return "about this library's own parts"
        drivers = [name for name in DRIVERS
                   if any(self.applicable(name, any_mode, False) for any_mode in MODES)]
        if driver not in drivers:
            return "a case of %s" % " and ".join(drivers)
        return "a case of the other mode"

    def applicable(self, driver, mode, other_library):
        """{program: [filter]} of the tests that can run. The mode is None for any."""
        found = {}
        for program, pattern in self.tests:
            if driver not in program.drivers or driver_of(pattern) not in (driver, None):
                continue
            if mode not in (None, *program.modes) or (other_library and program.own):
                continue
            found.setdefault(program, []).append(pattern)
        return found


def driver_of(pattern):
    """The driver whose tests alone a filter names; None if it is all drivers'."""
    for prefix, driver in PREFIXES.items():
        if pattern.startswith(prefix):
            return driver
    return None


class Table:
    def __init__(self, programs, cases):
        self.programs = programs
        self.cases = cases

    def select(self, ids):
        """The cases of these ids; all of them if there are none."""
        known = {case.id.lower(): case for case in self.cases}
        for name in ids:
            if name.lower() not in known:
                raise Failure("there is no case %s; tools/hostile --list has them all" % name)
        wanted = {name.lower() for name in ids}
        return [case for case in self.cases if not wanted or case.id.lower() in wanted]


def read(path):
    """Fails with a sentence that names the first thing that is wrong."""
    with open(path, "rb") as file:
        try:
            content = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise Failure("%s: %s" % (path, error)) from None
    programs = {key: read_program(path, key, entry)
                for key, entry in content.get("programs", {}).items()}
    cases = [read_case(path, entry, programs) for entry in content.get("case", [])]
    ids = [case.id for case in cases]
    for name in ids:
        if ids.count(name) > 1:
            raise Failure("%s: there is more than one case %s" % (path, name))
    return Table(programs, cases)


def check_keys(path, where, entry, known):
    for key in entry:
        if key not in known:
            raise Failure("%s: %s: unknown key %s" % (path, where, key))


def read_program(path, key, entry):
    where = "program " + key
    check_keys(path, where, entry, ("test", "drivers", "modes", "own"))
    if not isinstance(entry.get("test"), str):
        raise Failure("%s: %s has no test" % (path, where))
    values = {"key": key, **entry}
    for name, all_of_them in (("drivers", DRIVERS), ("modes", MODES)):
        values[name] = tuple(entry.get(name, all_of_them))
        for value in values[name]:
            if value not in all_of_them:
                raise Failure("%s: %s: %s is not one of %s"
                              % (path, where, value, ", ".join(all_of_them)))
    return Program(**values)


def read_case(path, entry, programs):
    where = "case %s" % entry.get("id", "without an id")
    check_keys(path, where, entry, ("id", "guest", "host", "tests", "note"))
    for key in ("id", "guest", "host"):
        if not entry.get(key):
            raise Failure("%s: %s has no %s" % (path, where, key))
    tests = []
    for text in entry.get("tests", []):
        key, _, pattern = text.partition(" ")
        if key not in programs:
            raise Failure("%s: %s: there is no program %s" % (path, where, key))
        if not re.fullmatch(r"[\w*?/]+\.[\w*?/]+", pattern):
            raise Failure("%s: %s: \"%s\" is not a program and a Suite.Test" % (path, where, text))
        tests.append((programs[key], pattern))
    if not tests and not entry.get("note"):
        raise Failure("%s: %s has neither tests nor a note" % (path, where))
    return Case(entry["id"], entry["guest"], entry["host"], tuple(tests), entry.get("note", ""))


@dataclasses.dataclass(frozen=True)
class Command:
    """How meson runs a test."""

    program: str
    environment: dict


def commands(build):
    """{meson's name: Command} of the tests of a build directory."""
    path = os.path.join(build, "meson-info/intro-tests.json")
    try:
        with open(path, encoding="utf-8") as file:
            tests = json.load(file)
    except FileNotFoundError:
        raise Failure("%s is not a build directory: tools/build makes one" % build) from None
    return {test["name"]: Command(test["cmd"][0], test["env"]) for test in tests}


def listed_tests(output):
    """The tests in what --gtest_list_tests prints."""
    found, suite = [], ""
    for line in output.splitlines():
        name = line.partition("#")[0].rstrip()
        if name.startswith("  "):
            found.append(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return found


def matches(pattern, tests):
    return any(fnmatch.fnmatchcase(test, pattern) for test in tests)
