#!/usr/bin/env python3
"""tools/hostile: verdicts, what a test leaves behind, and the library that is really used."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/lib"))

from hostile import runner  # noqa: E402
from hostile.table import Case, Command, Program  # noqa: E402

BUILD = os.environ["VIADUCT_BUILD"]
PASSING = "echo '[ RUN      ] A.B'; echo '[  PASSED  ] 1 test.'"
ABI = Program("abi", "abi")


class Verdicts(unittest.TestCase):
    """Programs that end as tests do."""

    def run_script(self, script, seconds=30):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program")
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/bash\n%s\n" % script)
            os.chmod(path, 0o755)
            case = Case("A1", "does", "does not", ((ABI, "A.B"),))
            one = runner.Runner("sim:renoir", "amdgpu", "process", {"abi": Command(path, {})},
                                folder, seconds=seconds)
            return one.run(case)

    def expect(self, script, verdict, text, **options):
        outcome = self.run_script(script, **options)
        self.assertEqual(outcome.verdict, verdict, outcome.text)
        self.assertIn(text, outcome.text)

    def test_passed(self):
        self.expect(PASSING, runner.PASSED, "")

    def test_failed(self):
        self.expect("echo '[  FAILED  ] A.B, where GetParam() = 7 (3 ms)'\n"
                    "echo '[  PASSED  ] 0 tests.'\necho '[  FAILED  ] 1 test, listed below:'\n"
                    "echo '[  FAILED  ] A.B, where GetParam() = 7'; exit 1",
                    runner.FAILED, "A.B")

    def test_crashed(self):
        self.expect("echo '[ RUN      ] A.B'; kill -SEGV $$", runner.CRASHED,
                    "signal 11 (Segmentation fault) in A.B")
        self.expect("echo '[ RUN      ] A.B'; echo 'x.cpp:1: Failure'; kill -SEGV $$",
                    runner.CRASHED, "A.B, after failed checks")
        self.expect("echo '[ RUN      ] A.B'; exit 66", runner.CRASHED, "status 66 in A.B")

    def test_too_long(self):
        self.expect("sleep 60", runner.TOO_LONG, "not done after 1 s", seconds=1)

    def test_nothing_ran(self):
        self.expect("echo '[  PASSED  ] 0 tests.'", runner.FAILED, "no test ran")

    def test_skipped(self):
        self.expect("echo '[  PASSED  ] 0 tests.'; echo '[  SKIPPED ] 1 test, listed below:'",
                    runner.NOT_APPLICABLE, "skip themselves")

    def test_a_process_that_stays_is_ended(self):
        before = runner.PATIENCE
        self.addCleanup(setattr, runner, "PATIENCE", before)
        runner.PATIENCE = 0.2
        self.expect("sleep 300 & %s" % PASSING, runner.FAILED, "it left 1 process behind")

    def test_files_that_stay(self):
        self.expect("mkdir $TMPDIR/empty; touch $XDG_RUNTIME_DIR/it; %s" % PASSING, runner.FAILED,
                    "it left files behind: it")

    def test_each_case_has_its_gpu_and_its_mode(self):
        self.expect("[[ $VIADUCT_GPU = sim:renoir && $VIADUCT_SIMGPU_INSTANCE = *-A1 &&"
                    " $1 = --gtest_filter=A.B ]] && %s" % PASSING.replace("; ", " && "),
                    runner.PASSED, "")

    def test_the_worst_of_several_programs_counts(self):
        outcomes = [runner.Outcome(verdict) for verdict in
                    (runner.PASSED, runner.CRASHED, runner.FAILED, runner.NOT_APPLICABLE)]
        self.assertEqual(runner.worst(outcomes).verdict, runner.CRASHED)
        self.assertEqual(runner.worst(outcomes[::3]).verdict, runner.PASSED)


class Tool(unittest.TestCase):
    """The program itself, with this build."""

    def run_tool(self, *arguments):
        return subprocess.run(
            [os.path.join(ROOT, "tools/hostile"), "--no-build", "--build=" + BUILD, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=100, check=False)

    def expect_sentence(self, done, text):
        self.assertNotEqual(done.returncode, 0)
        last = done.stdout.splitlines()[-1]
        self.assertTrue(last.startswith("tools/hostile: "), done.stdout)
        self.assertIn(text, last)

    def test_two_cases(self):
        for mode in ("process", "thread"):
            done = self.run_tool("--mode=" + mode, "a1", "D14")
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, r"(?m)^A1 +passed +[0-9.]+ s  submits 0 bytes")
            self.assertRegex(done.stdout, r"(?m)^D14 +not applicable  +Only asahi")
            self.assertIn("2 cases: 1 passed, 0 failed, 0 crashed, 0 took too long, "
                          "1 not applicable", done.stdout)

    def test_errors_are_sentences(self):
        self.expect_sentence(self.run_tool("Z9"), "there is no case Z9")
        self.expect_sentence(self.run_tool("--library=/none"), "there is no file /none")
        self.expect_sentence(self.run_tool("--gpu=sim:none"), "invalid choice")
        self.expect_sentence(self.run_tool("--library=" + __file__, "--mode=thread"),
                             "leave it out")
        self.expect_sentence(self.run_tool("--build=/none", "A1"), "is not a build directory")

    def test_what_is_no_library_is_refused(self):
        done = self.run_tool("--library=" + os.path.abspath(__file__), "A1")
        self.expect_sentence(done, "abi-test does not start with")

    def test_another_library_is_the_one_that_is_used(self):
        library = os.path.join(BUILD, "renderer", runner.LIBRARY)
        with tempfile.TemporaryDirectory() as folder:
            # By another name, as distributions have it.
            other = os.path.join(folder, "libother.so.1.2.3")
            shutil.copy(library, other)
            done = self.run_tool("--library=" + other, "A1", "V20")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"(?m)^A1 +passed")
        self.assertRegex(done.stdout, r"(?m)^V20 +not applicable +about this library's own parts")

    def test_a_library_that_is_not_used_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            one = runner.Library(os.path.join(BUILD, "renderer", runner.LIBRARY), BUILD, "renoir",
                                 folder)
            one.path = "/some/" + runner.LIBRARY
            program = os.path.join(BUILD, "tests/integration/abi/abi-test")
            with self.assertRaisesRegex(runner.Failure, "abi-test runs with .* instead of /some/"):
                one.check(program, {**os.environ, **one.environment})

    def test_the_list_has_all_columns(self):
        done = self.run_tool("--list", "D7")
        self.assertEqual(done.returncode, 0)
        for column in ("D7    guest: ", "host:  ", "test:  abi Amdgpu", "note:  Guests of i915"):
            self.assertIn(column, done.stdout)


if __name__ == "__main__":
    unittest.main()
