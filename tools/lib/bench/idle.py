"""Processors that stay awake while something is measured."""

import contextlib
import glob
import os
import struct

# The latency in microseconds that the kernel's idle states may take to leave, as long as the file
# is open (Linux: Documentation/power/pm_qos_interface.rst).
LATENCY_FILE = "/dev/cpu_dma_latency"
# The state without latency of each processor: only where it is this one, processors do not halt in it.
FIRST_STATES = "/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state0/name"
AWAKE = "POLL"


def can_stay_awake(pattern=FIRST_STATES):
    names = []
    for path in glob.glob(pattern):
        with open(path, encoding="ascii") as file:
            names.append(file.read().strip())
    return bool(names) and all(name == AWAKE for name in names)


@contextlib.contextmanager
def kept_awake(path=LATENCY_FILE, states=FIRST_STATES):
    """Idle processors look for work instead of halting: whether they do, which takes root.

    In a virtual machine its hypervisor starts a halted one again, and that takes several times as
    long as what is measured; whether one halts depends on where the threads happen to run.
    """
    with contextlib.ExitStack() as stack:
        awake = False
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            stack.callback(os.close, file)
            os.write(file, struct.pack("=i", 0))
            awake = can_stay_awake(states)
        yield awake
