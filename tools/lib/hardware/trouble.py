"""Trouble on purpose: one guest program loses its context, its neighbour must not notice."""

import os
import signal
import socket
import subprocess
import tempfile
import time

from cli import Failure

from . import measure
from .steps import FAILED, OK, SKIPPED, Step


class Guests:
    """One loopback server, thus one virtual machine, and programs in it.

    options   more arguments for the server
    wrapper   a command in front of the server's, such as valgrind
    runner    a command in front of each program's, such as tools/tree run trixie
    """

    def __init__(self, machine, log, options=(), wrapper=(), runner=()):
        self.machine = machine
        self.log = log
        self.command = [*wrapper, machine.path("tests/loopback/viaduct-loopback"),
                        "--gpu=" + machine.gpu, *options]
        self.runner = runner
        # pylint: disable=consider-using-with
        self.folder = tempfile.TemporaryDirectory(prefix="viaduct-try-")
        self.path = os.path.join(self.folder.name, "socket")
        self.output = open(machine.log_path(log + "-server"), "w", encoding="utf-8")
        self.process = None
        self.lifeline, servers_end = socket.socketpair()
        try:
            self.start(servers_end)
        except BaseException:
            self.__exit__()
            raise

    def start(self, servers_end):
        with servers_end:
            self.process = subprocess.Popen(
                [*self.command, "--serve", self.path, "--lifeline-fd", str(servers_end.fileno())],
                env=self.machine.environment, pass_fds=[servers_end.fileno()], stdout=self.output,
                stderr=self.output)
        if self.lifeline.recv(1) != b"R":
            raise Failure("the loopback's server did not start; %s-server.log has more" % self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lifeline.close()
        try:
            if self.process:
                self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self.folder.cleanup()

    def program(self, name):
        """A viaduct-measure under a name of its own: the host calls its context so."""
        link = os.path.join(self.folder.name, name)
        if not os.path.exists(link):
            os.symlink(self.machine.path(measure.PROGRAM), link)
        return measure.Program(self.machine, "%s-%s" % (self.log, name.rstrip("0123456789")),
                               self.guest(link))

    def guest(self, *command):
        """The command as a program of this machine."""
        return [*self.runner, self.machine.path("tests/loopback/viaduct-loopback"), "--layer",
                "--connect", self.path, "--", *command]


def worker_of(name):
    """The process that runs the context of the program so called; None if there is none."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % process, encoding="utf-8") as file:
                if file.read().strip() == ("vw:" + name)[:15]:
                    return int(process)
        except OSError:
            continue  # it has just ended
    return None


def lost(program):
    """Whether the program sees its context lost: at once, or with one of its next requests."""
    return any(program.ask("check") == "lost" for _ in range(3))


def disturb(machine, name, act):
    """act(victim, its name, neighbour) spoils the victim's context: whether the victim noticed, or
    a sentence about why nothing could be spoilt."""
    with Guests(machine, name) as guests:
        victim_name = "vt%d" % os.getpid()
        with guests.program("neighbour") as neighbour, guests.program(victim_name) as victim:
            if [program.ask("check") for program in (neighbour, victim)] != ["check ok"] * 2:
                return Step(name, FAILED, "the programs fail before that; their logs have more")
            is_lost = act(victim, victim_name, neighbour)
            if isinstance(is_lost, str):
                return Step(name, SKIPPED, is_lost)
            started = time.monotonic()
            goes_on = all(neighbour.ask("check") == "check ok" for _ in range(3))
            seconds = time.monotonic() - started
        with guests.program("next") as another:
            next_works = another.ask("check") == "check ok"
    words = ["its program %s its context" % ("loses" if is_lost else "does NOT lose"),
             "the neighbour %s" % ("goes on (%.1f s)" % seconds if goes_on else "FAILS"),
             "a new program %s" % ("works" if next_works else "FAILS")]
    return Step(name, OK if is_lost and goes_on and next_works else FAILED, "; ".join(words))


def kill_a_worker(machine):
    def act(victim, name, _):
        worker = worker_of(name)
        if not worker:
            return "contexts run on the monitor's threads here: no worker to kill"
        os.kill(worker, signal.SIGKILL)
        # Its guest learns of it at once, but not before it happens: a driver that maps a buffer in
        # between gets an error which Mesa's do not all survive.
        time.sleep(0.5)
        return lost(victim)
    return disturb(machine, "killed-worker", act)


def hang_a_ring(machine):
    def act(victim, _, neighbour):
        victim.send("hang")
        time.sleep(1)
        # While it hangs: this waits for the kernel's recovery. A program that fails ends, which
        # disturb() sees.
        neighbour.ask("check")
        return victim.answer() == "lost"
    return disturb(machine, "hung-ring", act)
