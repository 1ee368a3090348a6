#!/usr/bin/env python3
"""From a guest's GL to a compositor's screen, each link the real one: Debian 13 draws with its own Mesa in the
patched QEMU, whose window is in Weston: that of -display wayland, or viaduct view's with -display dbus. QEMU's
GL, the guest's and Weston's run on one simulated GPU.

    guest_test.py BUILD window|viewer

Exits with 77 if what it needs has not been made (tools/test --vm makes it).
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from embedded_qemu import SOURCE, until  # noqa: E402  (and the paths of what follows)
import vm  # noqa: E402
from picture_file import read_png  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
WESTON_TREE, SKIPPED = "trixie", 77
WIDTH, HEIGHT, FRAMES = 640, 480, 60

# The program stays until it is killed: its input never ends.
GUEST = """mkfifo /run/never
{program} {width} {height} {frames} {folder}/drawn <>/run/never >{folder}/said 2>&1 &
for _ in $(seq 3000); do
    grep -q showing {folder}/said && break
    kill -0 $! || break
    sleep 0.1
done
cat {folder}/said
grep -q showing {folder}/said
"""


def tree(*arguments):
    return [os.path.join(SOURCE, "tools/tree"), *arguments]


class Weston:
    """A headless one, in its tree, on the simulated GPU of an instance."""

    def __init__(self, folder, instance):
        self.folder = folder
        self.environment = {
            "LD_PRELOAD": os.path.join(BUILD, "simgpu/libviaduct-simgpu.so"),
            "VIADUCT_SIMGPU": "renoir",
            "VIADUCT_SIMGPU_INSTANCE": instance,
            "XDG_RUNTIME_DIR": folder,
            "HOME": folder,
            "WAYLAND_DISPLAY": "screen",
        }
        self.process = subprocess.Popen(
            self.command("weston", "--debug", "--backend=headless", "--renderer=gl", "--shell=kiosk",
                         "--no-config", "--idle-time=0", "--socket=screen", "--log=%s/weston.log" % folder,
                         "--width=%d" % WIDTH, "--height=%d" % HEIGHT),
            start_new_session=True, env={**os.environ, "VIADUCT_TREE_BIND": BUILD})
        until(lambda: os.path.exists(folder + "/screen"), "Weston's socket")

    def command(self, *arguments):
        return tree("run", WESTON_TREE, "env", *("%s=%s" % item for item in self.environment.items()),
                    *arguments)

    def picture(self):
        before = set(os.listdir(self.folder))
        subprocess.run(self.command("weston-screenshooter"), check=True, cwd=self.folder,
                       env={**os.environ, "VIADUCT_TREE_BIND": BUILD})
        name, = set(os.listdir(self.folder)) - before
        return read_png(os.path.join(self.folder, name))

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


class Window:
    """-display wayland."""

    DISPLAY, DEVICE = "wayland", vm.VirtualMachine.DEVICE

    def start(self, machine, weston):
        self.machine = machine

    def counts(self):
        """Of the frames so far: without a copy, copied."""
        lines = re.findall(r"(\d+) without a copy, (\d+) copied", self.machine.log("qemu.log"))
        return tuple(map(int, lines[-1]))

    def stop(self):
        pass


class Viewer:
    """-display dbus and viaduct view. Without a VGA adapter: its surfaces have their textures in any thread."""

    process = None
    DISPLAY, DEVICE = "dbus,gl=on,p2p=on", vm.VirtualMachine.DEVICE.replace("virtio-vga-gl", "virtio-gpu-gl-pci")

    def start(self, machine, weston):
        self.log = os.path.join(weston.folder, "viewer.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "tools/viaduct/viaduct"), "view", "--stats", "--qmp", weston.folder + "/qmp"],
                env={**os.environ, "WAYLAND_DISPLAY": weston.folder + "/screen"}, stdout=log, stderr=log)

    def counts(self):
        time.sleep(1.1)  # a line comes each second
        with open(self.log, encoding="utf-8") as log:
            lines = re.findall(r"(\d+) frames without a copy, (\d+) copied", log.read())
        return tuple(sum(map(int, column)) for column in zip(*lines))

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def draw(way, machine, weston, folder):
    """The guest's program draws, and its last frame is on Weston's screen."""
    for name in ("drawn", "said"):
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    driver = vm.GuestDriver("layer", BUILD, "sim:renoir")
    before = way.counts()
    status, output = machine.run(driver.script + "export VIADUCT_GUEST_DEVICE=AMD\n" + GUEST.format(
        program=shlex.quote(os.path.join(BUILD, "tests/guest/viaduct-guest-screen")), folder=folder,
        width=WIDTH, height=HEIGHT, frames=FRAMES))
    print(output)
    assert status == 0 and "radeonsi" in output.partition("\n")[0], "the guest's program failed"
    with open(folder + "/drawn", "rb") as file:
        drawn = file.read()
    assert len(drawn) == WIDTH * HEIGHT * 3 and len(set(drawn)) > 100, "nothing was drawn"
    # Weston shows the last frame when it has drawn the ones before.
    until(lambda: weston.picture() == (WIDTH, HEIGHT, drawn), "a screen with every byte of the guest's")
    after = way.counts()
    print("frames without a copy, and copied: %s before, %s after" % (before, after))
    # The machine says that its screen is off, by a copy, while the guest sets the mode.
    assert after[0] > before[0] and after[1] <= before[1] + 2


def run(way, folder):
    machine = vm.VirtualMachine(
        BUILD, qemu="patched", display=way.DISPLAY, device=way.DEVICE, progress=print, shares=[(folder, "rw")],
        arguments=["-trace", "wayland_counts", "-qmp", "unix:%s/qmp,server=on,wait=off" % folder],
        environment={"LD_PRELOAD": os.path.join(BUILD, "simgpu/libviaduct-simgpu.so"),
                     "VIADUCT_SIMGPU": "renoir", "WAYLAND_DISPLAY": folder + "/screen"})
    weston = Weston(folder, machine.environment()["VIADUCT_SIMGPU_INSTANCE"])
    try:
        with machine:
            way.start(machine, weston)
            draw(way, machine, weston, folder)
            # The device is reset in a processor's thread while its frame is shown.
            machine.send("busybox reboot -f")
            machine.wait_up()
            draw(way, machine, weston, folder)
    finally:
        way.stop()
        weston.stop()


def main():
    made = vm.is_made("patched", ["tools/tree", "have", WESTON_TREE])
    if not made:
        print("the patched QEMU, the guest or the %s tree is not made (tools/test --vm makes all)" % WESTON_TREE)
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="viaduct-screen-") as folder:
        run({"window": Window, "viewer": Viewer}[sys.argv[2]](), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
