"""Runs the tests of a case, each program as a process of its own, and says how they ended."""

import contextlib
import dataclasses
import os
import re
import signal
import subprocess
import tempfile
import time

from cli import Failure
from hardware.programs import counts

PASSED, FAILED, CRASHED = "passed", "FAILED", "CRASHED"
TOO_LONG, NOT_APPLICABLE = "TOO LONG", "not applicable"
# The worst first.
VERDICTS = (CRASHED, TOO_LONG, FAILED, PASSED, NOT_APPLICABLE)
LIBRARY = "libvirglrenderer.so.1"
SANITIZERS = ("libasan.so", "libtsan.so", "libubsan.so")
PATIENCE = 5  # seconds in which all that a test started ends after it


@dataclasses.dataclass
class Outcome:
    verdict: str
    text: str = ""


def worst(outcomes):
    return min(outcomes, key=lambda outcome: VERDICTS.index(outcome.verdict))


class Library:
    """Another libvirglrenderer.so.1 in place of this build's, on the simulated GPU's node."""

    def __init__(self, path, build, model, folder):
        self.path = os.path.realpath(path)
        # Programs look for this name, whatever the file's is.
        link = os.path.join(folder, LIBRARY)
        os.symlink(self.path, link)
        preload = [os.path.join(build, "tests", name) for name in SANITIZERS]
        preload = [path for path in preload if os.path.exists(path)]
        self.environment = {
            "LD_LIBRARY_PATH": ":".join(
                filter(None, (folder, os.environ.get("LD_LIBRARY_PATH")))),
            "LD_PRELOAD": ":".join(
                preload + [os.path.join(build, "simgpu/libviaduct-simgpu.so")]),
            "VIADUCT_SIMGPU": model,
        }

    def check(self, program, environment):
        """Fails unless the program runs with this library and no other."""
        done = subprocess.run(
            [program, "--gtest_list_tests"], stdin=subprocess.DEVNULL, capture_output=True,
            env={**environment, "LD_DEBUG": "libs", "LD_BIND_NOW": "1"}, text=True,
            errors="replace", timeout=60, check=False)
        name = os.path.basename(program)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if not re.match(r"\s+\d+:", line)]
            raise Failure("%s does not start with %s: %s" % (
                name, self.path, lines[-1] if lines else "status %d" % done.returncode))
        loaded = initialised_library(done.stderr)
        if loaded != self.path:
            raise Failure("%s runs with %s instead of %s" % (name, loaded or "no library",
                                                             self.path))


def initialised_library(text):
    """The file of that name whose initialisers LD_DEBUG=libs reports; empty if there is none."""
    found = re.findall(r"calling init: (\S+/%s\S*)" % re.escape(LIBRARY), text)
    return os.path.realpath(found[-1]) if found else ""


class Runner:
    """driver, mode  of this run; the mode is None with another library
    commands      the tests of the build, as meson runs them
    """

    def __init__(self, gpu, driver, mode, commands, logs, library=None, seconds=120):
        self.gpu = gpu
        self.driver = driver
        self.mode = mode
        self.commands = commands
        self.logs = logs
        self.library = library
        self.seconds = seconds
        self.checked = set()

    def run(self, case):
        tests = case.applicable(self.driver, self.mode, self.library is not None)
        if not tests:
            obstacle = case.obstacle(self.driver, self.mode, self.library is not None)
            return Outcome(NOT_APPLICABLE, obstacle)
        return worst([self.run_program(case, program, patterns)
                      for program, patterns in tests.items()])

    def run_program(self, case, program, patterns):
        command = self.command(program)
        with tempfile.TemporaryDirectory(prefix="viaduct-hostile-") as folder:
            os.chmod(folder, 0o755)  # some tests start processes of other users
            environment = self.environment(command, case, folder)
            if self.library and command.program not in self.checked:
                self.library.check(command.program, environment)
                self.checked.add(command.program)
            log = os.path.join(self.logs, "%s-%s.log" % (case.id, program.key))
            arguments = [command.program, "--gtest_filter=" + ":".join(patterns)]
            return run_test(arguments, environment, folder, log, self.seconds)

    def command(self, program):
        mode = self.mode or program.modes[-1]  # of another build of this library: without workers
        name = program.meson_name(self.driver, mode)
        if name not in self.commands:
            raise Failure("the build has no test %s, which the table names" % name)
        return self.commands[name]

    def environment(self, command, case, folder):
        """Files and sockets of a test go where they can be counted."""
        result = {**os.environ, **command.environment, "TMPDIR": folder, "XDG_RUNTIME_DIR": folder,
                  "VIADUCT_GPU": self.gpu,
                  "VIADUCT_SIMGPU_INSTANCE": "hostile-%d-%s" % (os.getpid(), case.id)}
        # A worker on a slow machine has time, as in tests/meson.build.
        result.setdefault("VIADUCT_DEADLINE_MS", "10000")
        if self.library:
            result.update(self.library.environment)
        return result


def run_test(arguments, environment, folder, log, seconds):
    """One process, and what it has left behind."""
    with open(log, "w+", encoding="utf-8", errors="replace") as file:
        file.write("$ %s\n" % " ".join(arguments))
        file.flush()
        # pylint: disable=consider-using-with
        process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            remaining = end_session(process, 0 if process.poll() is None else PATIENCE)
        file.seek(0)
        outcome = judge(status, file.read(), seconds)
        if outcome.verdict == PASSED:
            outcome = leftovers(remaining, files_in(folder)) or outcome
        file.write("\n[%s] %s\n" % (outcome.verdict, outcome.text))
    return outcome


def judge(status, output, seconds):
    """What a GoogleTest program's end means."""
    if status is None:
        return Outcome(TOO_LONG, "not done after %d s" % seconds)
    if status < 0:
        # A test that goes on after a failed check may crash by itself.
        return Outcome(CRASHED, "signal %d (%s) in %s%s" % (
            -status, signal.strsignal(-status) or "unknown", running_test(output),
            ", after failed checks" if ": Failure\n" in output else ""))
    passed, failed, skipped = counts(output)
    if status == 0 and passed > 0:
        return Outcome(PASSED)
    if status == 0 and skipped > 0:
        return Outcome(NOT_APPLICABLE, "its tests skip themselves here")
    if failed:
        return Outcome(FAILED, ", ".join(failed_tests(output)))
    if status == 0:
        return Outcome(FAILED, "no test ran")
    return Outcome(CRASHED, "status %d in %s" % (status, running_test(output)))


def running_test(output):
    """The last one that began."""
    begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    return begun[-1] if begun else "no test"


def failed_tests(output):
    found = re.findall(r"^\[  FAILED  \] (\w\S*\.\S+?),?(?: |$)", output, re.MULTILINE)
    return list(dict.fromkeys(found))


def leftovers(processes, files):
    if processes:
        return Outcome(FAILED, "it left %d process%s behind" % (
            processes, "" if processes == 1 else "es"))
    if files:
        return Outcome(FAILED, "it left files behind: %s" % ", ".join(sorted(files)))
    return None


def files_in(folder):
    """All but directories: those for sockets may stay."""
    return [os.path.relpath(os.path.join(parent, name), folder)
            for parent, _, names in os.walk(folder) for name in names]


def end_session(process, seconds):
    """Waits for all processes of a session to end, ends those that do not, and returns their
    number."""
    deadline = time.monotonic() + seconds
    while (members := session_members(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for member in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait()
    return len(members)


def session_members(session):
    """The ids of its processes that have not ended."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(name))
    return found
