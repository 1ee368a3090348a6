"""Processors that stay awake while something is measured."""

import contextlib
import os
import struct

# The latency in microseconds that the kernel's idle states may take to leave, as long as the file
# is open (Linux: Documentation/power/pm_qos_interface.rst).
LATENCY_FILE = "/dev/cpu_dma_latency"


@contextlib.contextmanager
def kept_awake(path=LATENCY_FILE):
    """Idle processors look for work instead of halting: whether they do, which takes root.

    In a virtual machine its hypervisor starts a halted one again, and that takes several times as
    long as what is measured; whether one halts depends on where the threads happen to run.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        os.write(file, struct.pack("=i", 0))
        yield True
    finally:
        os.close(file)
