"""A step of tools/try-hardware: what ran, whether it is right, and where its log is."""

import contextlib
import dataclasses
import os
import signal
import subprocess

import gpus

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"


@dataclasses.dataclass
class Step:
    name: str
    verdict: str
    text: str


class Machine:
    """Where things run: the build, the GPU, a directory for logs; and how: bare or as a guest."""

    def __init__(self, build, gpu, folder):
        self.build = build
        self.gpu = gpu
        self.folder = folder  # for the archive
        self.environment = dict(
            os.environ,
            # No other driver will do: one on the CPU would find the same bytes.
            VIADUCT_GUEST_DEVICE=self.vendor,
            # Simulated GPUs of this run's own; radv offers a transfer queue only when asked.
            VIADUCT_SIMGPU_INSTANCE="try-%d" % os.getpid(),
            RADV_PERFTEST="transfer_queue", RADV_EXPERIMENTAL="transfer_queue")
        if not self.can_draw:
            # anv draws its copies on other queues of these chips.
            self.environment["ANV_QUEUE_OVERRIDE"] = "gc=1,c=1"

    @property
    def vendor(self):
        """What the device's name contains."""
        return gpus.vendor(self.gpu) or "AMD"

    @property
    def can_draw(self):
        return gpus.can_draw(self.gpu)

    @property
    def simulated(self):
        return self.gpu.startswith("sim:")

    def path(self, relative):
        return os.path.join(self.build, relative)

    def log_path(self, name):
        return os.path.join(self.folder, name + ".log")

    def bare(self, *command):
        """The command on the GPU itself."""
        if not self.simulated:
            return list(command)
        # Another instance than the guest's: each has its rings to itself, as two machines have.
        return ["env", "VIADUCT_SIMGPU=" + self.gpu[len("sim:"):],
                "VIADUCT_SIMGPU_INSTANCE=%s-bare" % self.environment["VIADUCT_SIMGPU_INSTANCE"],
                "LD_PRELOAD=" + self.path("simgpu/libviaduct-simgpu.so"), *command]

    def guest(self, *command, options=()):
        """The command in a guest that the loopback plays."""
        return [self.path("tests/loopback/viaduct-loopback"), "--gpu=" + self.gpu, "--layer",
                *options, "--", *command]

    def wait_for(self, command, file, seconds):
        """Exit status. If it does not end by itself, all that it started ends, too."""
        with subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=file,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            try:
                return process.wait(seconds)
            except BaseException:
                # tools/vm tidies up on SIGTERM.
                for number in (signal.SIGTERM, signal.SIGKILL):
                    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                        os.killpg(process.pid, number)
                        process.wait(10)
                raise

    def run(self, log, command, seconds):
        """Exit status (None: it took longer) and output, which also is in the log."""
        # Straight into the log: there is one, too, if something ends this before the command.
        with open(self.log_path(log), "w+", encoding="utf-8", errors="replace") as file:
            file.write("$ %s\n" % " ".join(command))
            file.flush()
            start = file.tell()
            try:
                status = self.wait_for(command, file, seconds)
            except subprocess.TimeoutExpired:
                status = None
            file.seek(start)
            output = file.read()
            file.write("\n[%s]\n" % status)
        return status, output
