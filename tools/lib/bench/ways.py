"""The ways from a program to the simulated GPU that tools/bench compares."""

import contextlib
import os

from hardware import measure
from hardware.steps import Machine
from hardware.trouble import Guests

BARE, OTHER, THREAD, PROCESS, VM = "bare", "other", "thread", "process", "vm"
TITLES = {BARE: "bare", OTHER: "other library", THREAD: "thread mode", PROCESS: "process mode",
          VM: "virtual machine"}


class Way:
    """Programs on one way; those of a guest share a virtual machine, which the loopback plays.

    executes  the GPU executes its jobs, instead of ending them at once
    library   of a guest: another libvirglrenderer.so.1 than this build's
    runner    a command in front of each program's
    """

    def __init__(self, key, machine, *, executes=False, library=None, runner=()):
        self.key = key
        self.title = TITLES[key]
        self.executes = executes
        self.runner = list(runner)
        self.options = ["--library=" + library] if library else []
        self.log = key + ("-executing" if executes else "")
        self.machine = machine
        # Each has its own device: a way's jobs do not wait for another's.
        self.instance = "bench-%d-%s" % (os.getpid(), self.log)
        machine.environment.update(
            VIADUCT_SIMGPU_INSTANCE=self.instance, VIADUCT_SIMGPU_NULL="0" if executes else "1",
            VIADUCT_ISOLATION=THREAD if key == THREAD else PROCESS,
            VIADUCT_TREE_BIND=":".join((machine.build, machine.folder)))
        self.stack = contextlib.ExitStack()
        self.guests = None
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, wrapper=()):
        """The virtual machine, before the first program; `wrapper`: a command in front of it."""
        # Another library knows only render nodes.
        node = self.machine.bare() if self.options else []
        self.guests = self.stack.enter_context(Guests(
            self.machine, self.log, self.options, [*node, *wrapper], self.runner))

    def command(self, *command):
        if self.key == BARE:
            return self.runner + self.machine.bare(*command)
        if not self.guests:
            self.start()
        return self.guests.guest(*command)

    def programs(self, count):
        """So many running viaduct-measure, started when first needed."""
        while len(self.running) < count:
            self.running.append(self.stack.enter_context(measure.Program(
                self.machine, "%s-program-%d" % (self.log, len(self.running)),
                self.command(self.machine.path(measure.PROGRAM)))))
        return self.running[:count]
