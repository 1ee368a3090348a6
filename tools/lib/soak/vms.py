"""Virtual machines that the loopback plays, and what their processes hold."""

import dataclasses
import os
import shutil
import time

from cli import Failure
from hardware.steps import Machine
from hardware.trouble import Guests
from vm import Holdings

WORKER = "drm-context/worker/viaduct-worker"
SETTLE_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Slack:
    """Growth that is not a leak: allocators keep what they once needed, and of zygotes that have
    ended (eight at most) the socket is closed when the next worker starts."""

    kib: int = 16 << 10
    descriptors: int = 8

    def leaks(self, now, before):
        """{what: (before, now)} of all that has grown."""
        slack = {"KiB": self.kib, "descriptors": self.descriptors}
        return {name: (before.counts[name], count) for name, count in now.counts.items()
                if count > before.counts[name] + slack.get(name, 0)}


class LoopbackVm:
    """One server of the loopback. Its workers are known by their program, a copy of its own."""

    def __init__(self, number, build, gpu, folder, mode):
        self.number = number
        self.name = "vm %d (%s)" % (number, mode)
        self.mode = mode
        self.worker = os.path.join(folder, "worker-%d" % number, "viaduct-worker")
        os.mkdir(os.path.dirname(self.worker))
        shutil.copy(os.path.join(build, WORKER), self.worker)
        self.machine = Machine(build, gpu, folder)
        self.machine.environment.update(VIADUCT_ISOLATION=mode, VIADUCT_WORKER_PATH=self.worker)
        self.guests = None

    def __enter__(self):
        self.guests = Guests(self.machine, "vm%d" % self.number)
        return self

    def __exit__(self, *_):
        self.guests.__exit__()

    def check(self):
        """A Failure if its monitor has ended."""
        status = self.guests.process.poll()
        if status is not None:
            raise Failure("%s: its monitor ended with status %d; vm%d-server.log has more"
                          % (self.name, status, self.number))

    def processes(self):
        """The monitor and its workers."""
        ours = {self.guests.process.pid}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/exe" % name) == self.worker:
                    ours.add(int(name))
            except OSError:
                continue  # it has just ended, or is another user's
        return ours

    def workers(self):
        """Those that have a context, which their names tell from the zygote."""
        found = []
        for process in self.processes():
            try:
                with open("/proc/%d/comm" % process, encoding="utf-8") as file:
                    if file.read().startswith("vw:"):
                        found.append(process)
            except OSError:
                continue
        return found

    def holdings(self):
        return Holdings(self.processes())

    def settled(self, before=None, slack=Slack()):
        """What it holds without guests, once that is as little as it held `before`, or else what it
        holds after a minute; without a `before`, once that no longer changes."""
        deadline = time.monotonic() + SETTLE_SECONDS
        last = self.holdings()
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self.holdings()
            done = not slack.leaks(now, before) if before else now.counts == last.counts
            if done and not self.workers():
                return now
            last = now
        return last
