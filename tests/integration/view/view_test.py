#!/usr/bin/env python3
"""viaduct view with a stock QEMU 11, from the tree of Debian's next release; no guest runs in it.

    view_test.py BUILD SHOW_QEMU
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(SOURCE, "tests/support"))

from picture_file import read_png, read_ppm  # noqa: E402

BUILD, SHOW_QEMU = sys.argv[1:3]
TOOL = os.path.join(BUILD, "tools/viaduct/viaduct")


class Monitor:
    """A QMP connection. QEMU serves one at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.run("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def run(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]


class Qemu:
    """A machine that executes nothing; its screen says that no display was initialised."""

    def __init__(self, folder, *display):
        self.qmp = os.path.join(folder, "qmp")
        self.process = subprocess.Popen(
            [os.path.join(SOURCE, "tools/tree"), "run", "forky", "qemu-system-x86_64", "-machine",
             "q35,accel=qtest", "-m", "64", "-nodefaults", "-vga", "std", "-serial", "none",
             "-display", ",".join(("dbus", *display)), "-qmp",
             f"unix:{self.qmp},server=on,wait=off"], start_new_session=True)
        while not os.path.exists(self.qmp):
            if self.process.poll() is not None:
                raise RuntimeError("QEMU does not start")
            time.sleep(0.05)

    def dump(self, file):
        with Monitor(self.qmp) as monitor:
            monitor.run("screendump", filename=file)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


class ViewTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def start(self, *display):
        qemu = Qemu(self.folder, *display)
        self.addCleanup(qemu.stop)
        return qemu

    def view(self, *arguments, **environment):
        return subprocess.run([TOOL, "view", *arguments], capture_output=True, text=True,
                              env={**os.environ, **environment}, check=False, timeout=60)

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_screenshot_has_the_bytes_of_qemus_own(self):
        qemu = self.start("p2p=on")
        qemu.dump(self.path("expected.ppm"))
        viewed = self.view("--qmp", qemu.qmp, "--screenshot", self.path("picture.png"))
        self.assertEqual((viewed.returncode, viewed.stderr), (0, ""))
        expected = read_ppm(self.path("expected.ppm"))
        self.assertGreater(len(set(expected[2])), 1, "QEMU's screen is empty")
        self.assertEqual(read_png(self.path("picture.png")), expected)

    def test_window_has_the_bytes_of_qemus_own(self):
        qemu = self.start("p2p=on")
        qemu.dump(self.path("expected.ppm"))
        subprocess.run([SHOW_QEMU, qemu.qmp, self.path("expected.ppm")], check=True, timeout=60)

    def test_a_bus_serves_as_well(self):
        address = f"unix:path={self.path('bus')}"
        daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address",
                                   f"--address={address}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        daemon.stdout.readline()  # it listens
        self.addCleanup(daemon.stdout.close)
        missing = self.view("--address", address, "--screenshot", self.path("none.png"))
        self.assertEqual(missing.stderr,
                         "viaduct view: no QEMU with -display dbus is on the bus\n")
        qemu = self.start(f"addr={address}")
        qemu.dump(self.path("expected.ppm"))
        viewed = self.view("--address", address, "--screenshot", self.path("picture.png"))
        self.assertEqual((viewed.returncode, viewed.stderr), (0, ""))
        self.assertEqual(read_png(self.path("picture.png")), read_ppm(self.path("expected.ppm")))

    def test_bad_input_gets_one_sentence(self):
        nothing = self.path("nothing")
        for arguments, sentence in (
                (["--qmp", nothing], f"cannot connect to QEMU's monitor at {nothing}: No such file or "
                                     "directory"),
                (["--address", "unix:path=" + nothing], f"cannot connect to the bus at unix:path={nothing}: "
                                                        "No such file or directory"),
                (["--address", "nonsense"], '"nonsense" is not a D-Bus address such as '
                                            "unix:path=/run/user/1000/bus"),
                (["--fd", "99"], "descriptor 99 is not open"),
                (["--fd", "3", "--qmp", "x"], "use only one of --address, --qmp and --fd"),
                (["--fd", "3", "--reconnect"], "--reconnect works only with --address or --qmp, and only for windows")):
            with self.subTest(arguments=arguments):
                viewed = self.view(*arguments, "--screenshot", self.path("x.png")) \
                    if "--reconnect" not in arguments else self.view(*arguments)
                self.assertEqual((viewed.returncode, viewed.stderr), (1, f"viaduct view: {sentence}\n"))
        viewed = self.view("--qmp", nothing, WAYLAND_DISPLAY=nothing)
        self.assertEqual(viewed.stderr, f"viaduct view: cannot connect to the compositor at {nothing}: "
                                        "No such file or directory\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
