#!/usr/bin/env python3
"""From a guest's GL to a compositor's screen, each link the real one: Debian 13 draws with its own Mesa in a QEMU
whose window is in Weston: that of -display wayland, or viaduct view's with -display dbus. QEMU's GL, the guest's
and Weston's run on one simulated GPU.

    guest_test.py BUILD window|viewer|stock-viewer

Exits with 77 if what it needs has not been made (tools/test --vm makes it).
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from embedded_qemu import until  # noqa: E402  (and the paths of what follows)
import vm  # noqa: E402
import weston as compositor  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
SKIPPED = 77  # meson
WIDTH, HEIGHT, FRAMES = 640, 480, 60
FRAME = WIDTH * HEIGHT * 4  # bytes

# A console whose cursor blinks would be drawn twice a second, on the simulated GPU by QEMU and by Weston. The program
# stays until it is killed: its input never ends.
GUEST = """echo 0 >/sys/class/graphics/fbcon/cursor_blink
mkfifo /run/never
{program} {width} {height} {frames} {folder}/drawn <>/run/never >{folder}/said 2>&1 &
echo $! >/run/program
"""
# Until it has said something, or is gone.
WAIT = """for _ in $(seq 3000); do
    grep -q {word} {folder}/said && break
    kill -0 $(cat /run/program) || break
    sleep 0.1
done
cat {folder}/said
grep -q {word} {folder}/said
"""


class Work:
    """What copying would cost a process, from /proc (proc(5)): page faults, bytes that it read and wrote, and its
    shared mappings."""

    def __init__(self, process):
        with open("/proc/%d/stat" % process, encoding="utf-8") as file:
            self.faults = int(file.read().rpartition(")")[2].split()[7])
        with open("/proc/%d/io" % process, encoding="ascii") as file:
            self.moved = sum(int(line.split()[1]) for line in file if line.startswith(("rchar", "wchar")))
        self.shared = 0
        with open("/proc/%d/maps" % process, encoding="utf-8") as file:
            for line in file:
                area, access = line.split()[:2]
                if access.endswith("s"):
                    first, end = (int(address, 16) for address in area.split("-"))
                    self.shared += end - first


class Window:
    """-display wayland."""

    QEMU, DISPLAY, DEVICE = "patched", "wayland", vm.VirtualMachine.DEVICE
    ARGUMENTS, RESETS = ("-trace", "wayland_counts"), True

    def start(self, machine, weston):
        self.machine = machine

    def work(self):
        """QEMU's own, which has more to do."""

    def counts(self):
        """Of the frames so far: without a copy, copied."""
        lines = re.findall(r"(\d+) without a copy, (\d+) copied", self.machine.log("qemu.log"))
        return tuple(map(int, lines[-1]))

    def stop(self):
        pass


class Viewer:
    """-display dbus and viaduct view, without a VGA adapter."""

    process = None
    QEMU, ARGUMENTS, RESETS = "patched", (), True
    DISPLAY, DEVICE = "dbus,gl=on,p2p=on", vm.VirtualMachine.DEVICE.replace("virtio-vga-gl", "virtio-gpu-gl-pci")

    def start(self, machine, weston):
        self.log = os.path.join(weston.folder, "viewer.log")
        # On a busy machine QEMU's monitor may not answer in time at first.
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "tools/viaduct/viaduct"), "view", "--stats", "--reconnect", "--qmp",
                 weston.folder + "/qmp"],
                env={**os.environ, "WAYLAND_DISPLAY": weston.socket}, stdout=log, stderr=log)

    def counts(self):
        time.sleep(1.1)  # a line comes each second
        with open(self.log, encoding="utf-8") as log:
            lines = re.findall(r"(\d+) frames without a copy, (\d+) copied", log.read())
        return tuple(sum(map(int, column)) for column in zip(*lines))

    def work(self):
        return Work(self.process.pid)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            with open(self.log, encoding="utf-8") as log:
                lines = log.readlines()
            print("".join([line for line in lines if not line.startswith("console")] + lines[-1:]))


class StockViewer(Viewer):
    # It aborts when the guest reboots (docs/view.md).
    QEMU, RESETS = "stock", False


def run_in(machine, script):
    status, output = machine.run(script)
    print(output)
    assert status == 0, "the guest's program failed"
    return output


def draw(way, machine, weston, folder):
    """The guest's program draws, and its last frame is on Weston's screen."""
    for name in ("drawn", "said"):
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    driver = vm.GuestDriver("layer", BUILD, "sim:renoir")
    # The machine says that its screen is off, by a copy, while the guest sets the mode for the first frame.
    output = run_in(machine, driver.script + "export VIADUCT_GUEST_DEVICE=AMD\n" + GUEST.format(
        program=shlex.quote(os.path.join(BUILD, "tests/guest/viaduct-guest-screen")), folder=folder,
        width=WIDTH, height=HEIGHT, frames=FRAMES) + WAIT.format(word="begun", folder=folder))
    assert "radeonsi" in output.partition("\n")[0], "the guest's driver is another"
    until(lambda: weston.attached()[0] > 0, "the first frame")
    before = way.counts(), weston.attached(), way.work()
    run_in(machine, "echo >/run/never\n" + WAIT.format(word="showing", folder=folder))
    after = way.counts(), weston.attached(), way.work()
    with open(folder + "/drawn", "rb") as file:
        drawn = file.read()
    assert len(drawn) == WIDTH * HEIGHT * 3 and len(set(drawn)) > 100, "nothing was drawn"
    # Weston shows the last frame when it has drawn the ones before.
    until(lambda: weston.picture() == (WIDTH, HEIGHT, drawn), "a screen with every byte of the guest's")
    assert_no_copies(before, after)


def assert_no_copies(before, after):
    """By those who would copy, by what the compositor was given, and by what the viewer did."""
    for what, old, new in (("shown and copied", before[0], after[0]),
                           ("attached dma-bufs and shared memory", before[1], after[1])):
        print("frames %s: %s before, %s after" % (what, old, new))
        assert new[0] - old[0] >= FRAMES // 2, "frames are missing"
        assert new[1] == old[1], "frames were copied"
    if work := after[2]:
        faults, moved = work.faults - before[2].faults, work.moved - before[2].moved
        print("the viewer: %d page faults, %d bytes read and written; %d bytes mapped, before %d; a frame has %d"
              % (faults, moved, work.shared, before[2].shared, FRAME))
        assert faults * os.sysconf("SC_PAGE_SIZE") < FRAME and moved < FRAME, "the viewer reads frames"
        # What the copy before was written to stays mapped.
        assert work.shared <= before[2].shared, "the viewer maps frames"


def run(way, folder):
    machine = vm.VirtualMachine(
        BUILD, qemu=way.QEMU, display=way.DISPLAY, device=way.DEVICE, progress=print, shares=[(folder, "rw")],
        arguments=[*way.ARGUMENTS, "-qmp", "unix:%s/qmp,server=on,wait=off" % folder],
        environment={"LD_PRELOAD": os.path.join(BUILD, "simgpu/libviaduct-simgpu.so"),
                     "VIADUCT_SIMGPU": "renoir", "WAYLAND_DISPLAY": folder + "/screen"})
    weston = compositor.Weston(BUILD, folder, machine.environment()["VIADUCT_SIMGPU_INSTANCE"], WIDTH, HEIGHT)
    try:
        with machine:
            way.start(machine, weston)
            draw(way, machine, weston, folder)
            if way.RESETS:
                # The device is reset in a processor's thread while its frame is shown.
                machine.send("busybox reboot -f")
                machine.wait_up()
                draw(way, machine, weston, folder)
    finally:
        way.stop()
        weston.stop()


WAYS = {"window": Window, "viewer": Viewer, "stock-viewer": StockViewer}


def main():
    way = WAYS[sys.argv[2]]()
    if not vm.is_made(way.QEMU, ["tools/tree", "have", compositor.TREE]):
        print("the %s QEMU, the guest or the %s tree is not made (tools/test --vm makes all)" % (
            way.QEMU, compositor.TREE))
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="viaduct-screen-") as folder:
        run(way, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
