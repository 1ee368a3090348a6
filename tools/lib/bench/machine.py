"""The measures in a real virtual machine (tools/vm): a few, as its processors may be emulated."""

import os
import shlex
import subprocess

import vm
from cli import Failure
from hardware import measure

from .ways import TITLES, VM

KEYS = ("submit", "round-trip", "memory", "upload")
ROUNDS, QUICK_ROUNDS, WARM_UP = 5, 2, 1
SECONDS = 1800


class VirtualMachine:
    """A way that is measured after the others: QEMU takes too long to start to take turns."""

    key, title = VM, TITLES[VM]

    def __init__(self, machine):
        self.machine = machine
        self.accelerator = "kvm" if os.access("/dev/kvm", os.W_OK) else "tcg"

    def measure(self, chosen, results, quick):
        """Adds this way's rates of those measures that it has."""
        wanted = [item for item in chosen if item.key in KEYS]
        if not wanted:
            return
        requests = ["%s %d" % (item.request, item.quick) for item in wanted]
        rounds = WARM_UP + (QUICK_ROUNDS if quick else ROUNDS)
        output = self.run(requests * rounds)
        for item in wanted:
            times = [int(line.split()[1]) for line in output.splitlines()
                     if line.startswith(item.request + " ")]
            if len(times) != rounds:
                raise Failure("viaduct-measure failed in the virtual machine; %s has more"
                              % self.machine.log_path(VM))
            for nanoseconds in times[WARM_UP:]:
                results.add(item, VM, item.quick * 1e9 / nanoseconds)

    def run(self, requests):
        with open(self.machine.log_path(VM), "w", encoding="utf-8") as log:
            done = subprocess.run(
                [os.path.join(vm.ROOT, "tools/vm"), "--build=" + self.machine.build,
                 "--gpu=" + self.machine.gpu, "--accelerator=" + self.accelerator, "--",
                 "sh", "-c", shlex.join([self.machine.path(measure.PROGRAM), *requests])],
                env={**self.machine.environment, "VIADUCT_SIMGPU_NULL": "1"}, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                timeout=SECONDS)
            log.write(done.stdout)
        return done.stdout
