#!/usr/bin/env python3
"""QEMU 11's displays that need a render node, on a machine without any GPU: its own GL runs on the
simulated one, with this build's library for its guests.

    qemu_test.py BUILD DISPLAY

No guest runs: the test drives the device, whose classic resources are GL textures of virglrenderer's.
Exits with 77 if the tree with QEMU has not been made (tools/test --vm makes it).
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(SOURCE, "tests/support"))

from qtest_gpu import Gpu, Qtest  # noqa: E402
from rfb import Screen  # noqa: E402

BUILD, DISPLAY = os.path.abspath(sys.argv[1]), sys.argv[2]
TREE, SKIPPED, SLOT = "forky", 77, 4
WIDTH, HEIGHT = 64, 48
# What egl-headless draws is for servers of QEMU's such as this one.
VNC = "egl-headless"


def tree(*arguments):
    return [os.path.join(SOURCE, "tools/tree"), *arguments]


def start(folder):
    """QEMU, once its socket is there."""
    environment = {
        "LD_PRELOAD": os.path.join(BUILD, "simgpu/libviaduct-simgpu.so"),
        "LD_LIBRARY_PATH": os.path.join(BUILD, "renderer"),
        "VIADUCT_SIMGPU": "renoir",
        "VIADUCT_SIMGPU_TRACE": folder + "/trace",
        "VIADUCT_SIMGPU_INSTANCE": os.path.basename(folder),
        "VIADUCT_GPU": "sim:renoir",
        "VIADUCT_WORKER_PATH": os.path.join(BUILD, "drm-context/worker/viaduct-worker"),
    }
    with open(folder + "/log", "wb") as log:
        process = subprocess.Popen(
            tree("run", TREE, "env", *("%s=%s" % item for item in environment.items()),
                 "qemu-system-x86_64", "-machine", "q35,accel=qtest", "-m", "64", "-nodefaults",
                 "-vga", "none", "-device", "virtio-gpu-gl-pci,addr=%d,blob=on,hostmem=256M" % SLOT,
                 "-display", DISPLAY, "-qtest-log", "none",
                 "-qtest", "unix:%s/qtest,server=on,wait=off" % folder,
                 *(["-vnc", "unix:%s/vnc" % folder] if DISPLAY == VNC else [])),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "VIADUCT_TREE_BIND": BUILD})
    while not os.path.exists(folder + "/qtest"):
        if process.poll() is not None:
            raise AssertionError("QEMU does not start with -display " + DISPLAY)
        time.sleep(0.05)
    return process


def check_screen(folder):
    """The pixels that the device was given, as a VNC client sees them."""
    noise = random.Random(1).randbytes(WIDTH * HEIGHT * 4)
    Gpu(Qtest(folder + "/qtest"), SLOT).show(WIDTH, HEIGHT, noise)
    if DISPLAY != VNC:
        return  # shown to whom the bus has, which is nobody
    expected = bytes(byte for at, byte in enumerate(noise) if at % 4 != 3)
    screen = Screen(folder + "/vnc")
    deadline = time.monotonic() + 60
    while True:
        shown = bytes(byte for at, byte in enumerate(screen.pixels()) if at % 4 != 3)
        if (screen.width, screen.height, shown) == (WIDTH, HEIGHT, expected):
            return
        wrong = sum(a != b for a, b in zip(shown, expected))
        assert time.monotonic() < deadline, "%dx%d, %d bytes are wrong" % (
            screen.width, screen.height, wrong)
        time.sleep(0.1)


def check_gpu(folder):
    """QEMU's GL has drawn on the simulated GPU."""
    deadline = time.monotonic() + 60
    while True:
        with open(folder + "/trace", encoding="utf-8") as trace:
            if "job on gfx ring" in trace.read():
                return
        assert time.monotonic() < deadline, "QEMU's GL is not on the simulated GPU"
        time.sleep(0.1)


def main():
    if subprocess.run(tree("have", TREE), check=False).returncode:
        print("the %s tree is not made (tools/test --vm makes it)" % TREE)
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="viaduct-qemu-") as folder:
        process = start(folder)
        try:
            check_screen(folder)
            check_gpu(folder)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with open(folder + "/log", encoding="utf-8", errors="replace") as log:
                text = log.read()
            print(text)
        assert "viaduct-simgpu:" not in text, "the GPU has something to report"
    return 0


if __name__ == "__main__":
    sys.exit(main())
