"""QEMU, driven by qtest, and the compositor that shows its window."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.path[:0] = [os.path.join(SOURCE, "tests/support"), os.path.join(SOURCE, "tools/lib")]

import vm  # noqa: E402
from native_guest import NativeGuest  # noqa: E402
from qtest_gpu import Qtest  # noqa: E402

TREE, SLOT = vm.QEMUS["patched"][0], 4
PATIENCE = 60  # seconds; what takes longer has failed


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(what + " does not come")
        time.sleep(0.01)
    return value


class Screen:
    """The compositor, a process: wayland-screen, whose lines and commands screen.cpp describes."""

    def __init__(self, program, path):
        self.path = path
        if os.path.exists(path):
            os.unlink(path)
        self.process = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()
        self.wait(r"ready")

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait(self, pattern, seconds=PATIENCE):
        """The match of the next line that is one."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError("no %r; the last lines: %s" % (pattern, self.seen[-5:])) from None
            if line is None:
                raise AssertionError("the compositor ended; it said %s" % self.seen[-5:])
            self.seen.append(line)
            if match := re.fullmatch(pattern, line):
                return match

    def frame(self, kind="dmabuf"):
        """Width, height and first pixel of the next frame of a kind."""
        match = self.wait(r"frame %s (\d+) (\d+) \d+ \d+ (\d+)" % kind)
        return tuple(int(value) for value in match.groups())

    def frames_so_far(self):
        """All frames that have come since the last call: kind and first pixel."""
        frames = []
        while not self.lines.empty():
            line = self.lines.get()
            if line is None:
                break
            self.seen.append(line)
            if match := re.fullmatch(r"frame (\w+) \d+ \d+ \d+ \d+ (\d+)", line):
                frames.append((match[1], int(match[2])))
        return frames

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def picture(self, folder):
        file = os.path.join(folder, "picture")
        self.tell("picture", file)
        self.wait("picture")
        with open(file, "rb") as pixels:
            return pixels.read()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Qemu:
    """QEMU (a key of vm.QEMUS) whose window, if it has one, is at the compositor of `screen`. Its log is in `folder`.
    `preload` is one more library for it. With `ends` it may end at once."""

    def __init__(self, build, folder, screen, *arguments, backend="wayland", display="", device=None,
                 preload=(), ends=False, qemu="patched", variables=()):
        self.folder = folder
        self.qtest = None
        tree, recipe = vm.QEMUS[qemu]
        program = vm.tool(recipe) if recipe else "qemu-system-x86_64"
        device = device or ("virtio-gpu-gl-pci,addr=%d,blob=on,hostmem=64M,drm_native_context=on" % SLOT)
        environment = {
            "LD_PRELOAD": ":".join([*preload, os.path.join(build, "simgpu/libviaduct-simgpu.so")]),
            "LD_LIBRARY_PATH": ":".join(os.path.join(build, part) for part in ("renderer", "display/embed")),
            "VIADUCT_SIMGPU": "renoir",
            "VIADUCT_SIMGPU_INSTANCE": os.path.basename(folder),
            "VIADUCT_GPU": "sim:renoir",
            "VIADUCT_WORKER_PATH": os.path.join(build, "drm-context/worker/viaduct-worker"),
            "WAYLAND_DISPLAY": screen.path,
            **dict(variables),
        }
        for name in ("/qtest", "/qmp"):
            if os.path.exists(folder + name):
                os.unlink(folder + name)
        with open(folder + "/log", "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(SOURCE, "tools/tree"), "run", tree, "env",
                 *("%s=%s" % item for item in environment.items()), program,
                 "-machine", "q35,accel=qtest", "-m", "64", "-nodefaults", "-vga", "none",
                 "-device", device, "-display", backend + display,
                 "-qtest-log", "none", "-qtest", "unix:%s/qtest,server=on,wait=off" % folder,
                 "-qmp", "unix:%s/qmp,server=on,wait=off" % folder, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "VIADUCT_TREE_BIND": build})
        until(lambda: self.process.poll() is not None or os.path.exists(folder + "/qmp"), "QEMU")
        if self.process.poll() is not None and not ends:
            raise AssertionError("QEMU does not start:\n" + self.log())

    def guest(self, kind=NativeGuest):
        self.qtest = self.connect(Qtest, "/qtest")
        return kind(self.qtest, SLOT)

    def connect(self, kind, name):
        """A connection to a socket of QEMU's, which may not listen yet."""
        def connected():
            try:
                return kind(self.folder + name)
            except (ConnectionRefusedError, FileNotFoundError):
                return None
        return until(connected, name)

    def log(self):
        with open(self.folder + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def monitor(self):
        return self.connect(vm.Qmp, "/qmp")

    def pid(self):
        return self.process.pid

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid()))

    def resident_pages(self):
        with open("/proc/%d/statm" % self.pid(), encoding="ascii") as statm:
            return int(statm.read().split()[1])

    def stop(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
        self.process.wait()
        if self.qtest:
            self.qtest.close()
