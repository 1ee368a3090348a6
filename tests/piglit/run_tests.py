#!/usr/bin/env python3
"""Runs piglit's tests of an area, inside the tree that has piglit: started by piglit_test.py.

    run_tests.py LIST

LIST is a file of lists/. Prints a line of JSON for each of its tests, in order:
    {"test": ..., "result": ..., "subtests": {...}, "seconds": ..., "output": ...}
"result" is piglit's (pass, fail, skip, warn), "crash" for a process that ended without one, or "timeout".

A test of shader_runner's is started together with those after it. When one does not pass, the others
are started again without it: a process whose context was lost fails in everything that follows.
"""

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

from area_list import read_list

PIGLIT = "/usr/lib/x86_64-linux-gnu/piglit"
TEST_SECONDS = 600  # for one test, to end what hangs: it takes 20 on an idle machine
TESTS_AT_ONCE = 16  # of shader_runner's
KEPT_OUTPUT = 4000  # characters
GOOD = ("pass", "skip")
ANNOUNCED = "PIGLIT TEST: "  # a number and a name follow


def is_shader(test):
    return test.endswith(".shader_test")


def environment(folder):
    return {**os.environ, "PIGLIT_PLATFORM": "surfaceless_egl", "PIGLIT_SOURCE_DIR": PIGLIT,
            "PIGLIT_NO_FAST_SKIP": "1", "HOME": folder}


class Execution:
    """A finished process. `ended` is "crash" or "timeout" if it did not end by itself."""

    def __init__(self, command, seconds, folder):
        used = self.processor_seconds()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as log:
            # A group of its own, since tests start processes, too.
            process = subprocess.Popen(command, cwd=PIGLIT, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=log, env=environment(folder), start_new_session=True)
            self.ended = None
            try:
                if process.wait(seconds) < 0:
                    self.ended = "crash"
            except subprocess.TimeoutExpired:
                self.ended = "timeout"
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
            self.output, self.log = self.text(output), self.text(log)
        self.seconds = self.processor_seconds() - used

    @staticmethod
    def processor_seconds():
        """Of all processes so far. Bare, the simulated GPU is part of them."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    @staticmethod
    def text(file):
        file.seek(0)
        return file.read().decode(errors="replace")

    def outcome(self, test, result, subtests=None, parts=None):
        """Of one of several tests, with what that has printed in `parts`."""
        if result is None or (self.ended == "timeout" and result not in GOOD):
            result = self.ended or "crash"
        seconds = self.seconds / (len(self.tests()) or 1)
        return {"test": test, "result": result, "subtests": subtests or {},
                "seconds": round(seconds, 1),
                "output": "".join(part[-KEPT_OUTPUT:] for part in parts or (self.output, self.log))}

    def tests(self):
        """What each of several tests has printed, and logged: shader_runner announces them in both."""
        return list(zip(self.output.split(ANNOUNCED)[1:], self.log.split(ANNOUNCED)[1:]))


def results_in(output):
    """piglit's result, or None; and those of subtests."""
    result, subtests = None, {}
    for line in output.splitlines():
        if not line.startswith("PIGLIT: "):
            continue
        try:
            found = json.loads(line[len("PIGLIT: "):])
        except ValueError:  # the process ended in the middle of it
            continue
        subtests.update(found.get("subtest", {}))
        result = found.get("result", result)
    return result, subtests


def run_program(test, folder):
    words = shlex.split(test)
    run = Execution(["bin/" + words[0], *words[1:], "-auto", "-fbo"], TEST_SECONDS, folder)
    result, subtests = results_in(run.output)
    return run.outcome(test, result, subtests)


def run_shaders(tests, folder):
    """The outcomes of the first ones: up to and with the first that is not good."""
    run = Execution(["bin/shader_runner", *tests, "-auto", "-fbo", "-report-subtests"],
                    TEST_SECONDS + 10 * len(tests), folder)
    if len(tests) == 1:
        return [run.outcome(tests[0], results_in(run.output)[0])]
    outcomes = []
    for test, parts in zip(tests, run.tests()):
        # The result is that of a subtest of the test's name.
        _, results = results_in(parts[0])
        outcomes.append(run.outcome(test, next(iter(results.values()), None), parts=parts))
        if outcomes[-1]["result"] not in GOOD:
            break
    return outcomes or [run.outcome(tests[0], None)]


def run_all(tests, folder):
    while tests:
        if is_shader(tests[0]):
            count = next((at for at, test in enumerate(tests) if not is_shader(test)), len(tests))
            outcomes = run_shaders(tests[:min(count, TESTS_AT_ONCE)], folder)
        else:
            outcomes = [run_program(tests[0], folder)]
        yield from outcomes
        tests = tests[len(outcomes):]


def main():
    with tempfile.TemporaryDirectory(prefix="viaduct-piglit-") as folder:
        for each in run_all([line.test for line in read_list(sys.argv[1])], folder):
            print(json.dumps(each), flush=True)


main()
