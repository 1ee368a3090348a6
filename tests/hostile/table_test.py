#!/usr/bin/env python3
"""The table of hostile cases: that it is well formed, and that every test in it exists."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))
sys.path.insert(0, os.path.join(ROOT, "tests/prose"))

from cli import Failure  # noqa: E402
from hostile import table  # noqa: E402
import prose  # noqa: E402

TABLE = os.path.join(ROOT, "tests/hostile/cases.toml")
SECTIONS = "ABCDEFXV"
PROGRAMS = """
[programs]
abi = { test = "abi-{mode}{driver}" }
jail = { test = "jail{driver}", modes = ["process"], own = true }
unit-xe = { test = "unit", drivers = ["xe"], own = true }
"""
CASE = "[[case]]\nid = \"A1\"\nguest = \"does\"\nhost = \"does not\"\n"


def read(text):
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return table.read(file.name)


class Cases(unittest.TestCase):
    """The table itself."""

    @classmethod
    def setUpClass(cls):
        cls.table = table.read(TABLE)
        cls.commands = table.commands(os.environ["VIADUCT_BUILD"])
        cls.listed = {}

    def listed_tests_of(self, program):
        """All tests of a program."""
        if program not in self.listed:
            done = subprocess.run([program, "--gtest_list_tests"], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True, timeout=60, check=True)
            self.listed[program] = table.listed_tests(done.stdout)
        return self.listed[program]

    def test_ids_have_no_gaps_and_are_in_order(self):
        numbers = {section: 0 for section in SECTIONS}
        order = ""
        for case in self.table.cases:
            section, number = case.id[0], int(case.id[1:])
            self.assertEqual(number, numbers[section] + 1, case.id)
            numbers[section] = number
            order += section
        self.assertTrue(all(numbers.values()), numbers)
        self.assertEqual("".join(dict.fromkeys(order)), SECTIONS)
        self.assertEqual(order, "".join(sorted(order, key=SECTIONS.index)))

    def test_sentences_have_the_form_of_their_column(self):
        for case in self.table.cases:
            for text in (case.guest, case.host):
                self.assertRegex(text, r"^[a-z].*[^.]$", case.id)
            if case.note:
                self.assertRegex(case.note, r"^[A-Z].*\.$", case.id)

    def test_sentences_are_plain_English(self):
        for case in self.table.cases:
            for text in (case.guest, case.host, case.note):
                faults = list(prose.faults_of(text, prose.PATTERNS + prose.READERS))
                self.assertEqual(faults, [], case.id)

    def test_every_named_test_exists_wherever_it_applies(self):
        for case in self.table.cases:
            for program, pattern in case.tests:
                for driver in program.drivers:
                    if table.driver_of(pattern) not in (driver, None):
                        continue
                    for mode in program.modes:
                        name = program.meson_name(driver, mode)
                        self.assertIn(name, self.commands, case.id)
                        tests = self.listed_tests_of(self.commands[name].program)
                        self.assertTrue(table.matches(pattern, tests), "%s: %s has no test %s"
                                        % (case.id, name, pattern))

    def test_the_page_has_the_number_of_cases(self):
        with open(os.path.join(ROOT, "docs/hostile.md"), encoding="utf-8") as file:
            self.assertIn(" %d cases." % len(self.table.cases), file.read())

    def test_every_program_is_used(self):
        used = {program.key for case in self.table.cases for program, _ in case.tests}
        self.assertEqual(used, set(self.table.programs))

    def test_every_case_with_tests_applies_to_some_driver(self):
        for case in self.table.cases:
            found = any(case.applicable(driver, None, False) for driver in table.DRIVERS)
            self.assertEqual(found, bool(case.tests), case.id)

    def test_most_cases_are_tried_on_another_library_too(self):
        tried = [case for case in self.table.cases
                 if any(case.applicable(driver, None, True) for driver in table.DRIVERS)]
        self.assertGreater(len(tried), 0.8 * len(self.table.cases))

    def test_the_tests_of_the_c_abi_are_in_the_table(self):
        """A new one cannot be left out of it."""
        abi = self.table.programs["abi"]
        patterns = [pattern for case in self.table.cases for program, pattern in case.tests
                    if program == abi]
        program = self.commands[abi.meson_name("amdgpu", "process")].program
        for suite in ("Framing", "Surface", "ControlTest", "Control", "XeRequests", "I915Requests"):
            for test in self.listed_tests_of(program):
                if test.startswith(suite + "."):
                    self.assertTrue(any(table.matches(pattern, [test]) for pattern in patterns),
                                    "no case has %s" % test)


class Reading(unittest.TestCase):
    """What the reader does with other tables."""

    def test_faults_are_sentences_that_name_the_case(self):
        for text, expected in (
                (CASE, "case A1 has neither tests nor a note"),
                (CASE + "note = \"x\"\nnotes = 1", "case A1: unknown key notes"),
                (CASE + "tests = [\"other A.B\"]", "case A1: there is no program other"),
                (CASE + "tests = [\"abi A\"]", "\"abi A\" is not a program and a Suite.Test"),
                (CASE.replace("host", "hosts"), "unknown key hosts"),
                (CASE.replace("does\"", "\"") + "note = \"x\"", "case A1 has no guest"),
                ("[[case]]\n", "case without an id has no id"),
                (CASE + "note = \"x\"\n" + CASE + "note = \"x\"", "more than one case A1"),
                ("[programs.x]\ndrivers = [\"amdgpu\"]", "program x has no test"),
                ("[programs.x]\ntest = \"x\"\nmodes = [\"both\"]",
                 "both is not one of process, thread"),
                ("case = [", "Invalid value")):
            if "[programs" not in text:
                text = PROGRAMS + text
            with self.assertRaises(Failure) as caught:
                read(text)
            self.assertIn(expected, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_tests_apply_by_driver_mode_and_library(self):
        case = read(PROGRAMS + CASE + """
tests = ["abi Suite.Test", "abi Amdgpu*.*", "abi I915Suite.*", "jail Jail.*", "unit-xe Xe.*"]
""").cases[0]

        def patterns(*arguments):
            return {program.key: found for program, found in case.applicable(*arguments).items()}

        self.assertEqual(patterns("amdgpu", "process", False),
                         {"abi": ["Suite.Test", "Amdgpu*.*"], "jail": ["Jail.*"]})
        self.assertEqual(patterns("i915", "thread", False), {"abi": ["Suite.Test", "I915Suite.*"]})
        self.assertEqual(patterns("xe", "thread", False),
                         {"abi": ["Suite.Test"], "unit-xe": ["Xe.*"]})
        self.assertEqual(patterns("xe", None, True), {"abi": ["Suite.Test"]})

    def test_the_reason_why_nothing_can_run(self):
        cases = {}
        for number, tests in enumerate((["abi Amdgpu.*", "abi I915.*"], ["jail Jail.*"], [])):
            text = CASE + ("tests = %s" % tests if tests else "note = \"Elsewhere.\"")
            cases[number] = read(PROGRAMS + text.replace("'", "\"")).cases[0]
        self.assertEqual(cases[0].obstacle("xe", "process", False), "a case of amdgpu and i915")
        self.assertEqual(cases[0].obstacle("i915", "process", False), "")
        self.assertEqual(cases[1].obstacle("xe", "thread", False), "a case of the other mode")
        self.assertEqual(cases[1].obstacle("xe", None, True), "about this library's own parts")
        self.assertEqual(cases[2].obstacle("xe", "process", False), "Elsewhere.")

    def test_names_of_meson(self):
        program = table.Program("abi", "abi-{mode}{driver}")
        self.assertEqual(program.meson_name("amdgpu", "thread"), "abi-thread")
        self.assertEqual(program.meson_name("xe", "process"), "abi-process-xe")

    def test_listed_tests_are_read_as_googletest_prints_them(self):
        tests = table.listed_tests(
            "Running main() from gtest_main.cc\n"
            "A.\n  One\n  Two\nAll/B.\n  Three/0  # GetParam() = 7\n")
        self.assertEqual(tests, ["A.One", "A.Two", "All/B.Three/0"])
        self.assertTrue(table.matches("All/B.*/*", tests))
        self.assertFalse(table.matches("A.Three", tests))

    def test_cases_are_selected_in_the_order_of_the_table(self):
        cases = read(PROGRAMS + "".join(
            re.sub("A1", name, CASE) + "note = \"x\"\n" for name in ("A1", "A2", "B1")))
        self.assertEqual([case.id for case in cases.select(["b1", "A1"])], ["A1", "B1"])
        self.assertEqual(len(cases.select([])), 3)
        with self.assertRaisesRegex(Failure, "there is no case Z9"):
            cases.select(["A1", "Z9"])


if __name__ == "__main__":
    unittest.main()
