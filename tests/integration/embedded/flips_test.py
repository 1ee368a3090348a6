#!/usr/bin/env python3
"""Debian 13's kernel with our module (guest-mesa/kernel) in the patched QEMU: a guest that flips as fast as it can
is held to the screen's rate by the fences of its flushes.

    flips_test.py BUILD SCREEN

Exits with 77 if what it needs has not been made (tools/test --long makes it).
"""

import array
import os
import re
import shlex
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from embedded_qemu import Screen, until  # noqa: E402  (and the paths of what follows)
import vm  # noqa: E402

BUILD, SCREEN = os.path.abspath(sys.argv[1]), sys.argv[2]
SKIPPED = 77  # meson
MODULE = "guest-mesa/kernel/build"
WIDTH, HEIGHT, BUFFERS, FLIPS = 640, 480, 3, 120
# On a busy machine the guest's patience, 50 ms, may end before the screen has shown a frame.
LATE = FLIPS // 10

# The program stays until it is killed: its input never ends.
BEGIN = """echo 0 >/sys/class/graphics/fbcon/cursor_blink
mkfifo /run/never
{program} {width} {height} {buffers} {flips} <>/run/never >/run/said 2>&1 &
echo $! >/run/program
"""
# Until it has said something, or is gone.
WAIT = """for _ in $(seq 3000); do
    grep -q {word} /run/said && break
    kill -0 $(cat /run/program) || break
    sleep 0.1
done
cat /run/said
grep -q {word} /run/said
"""


def first_pixel(number):
    """flips.cpp has what is in a buffer."""
    return (number + 1) * 40503


def picture(number):
    pixels = ((i * 2654435761 + first_pixel(number)) & 0xffffffff for i in range(WIDTH * HEIGHT))
    return array.array("I", pixels).tobytes()


def run_in(machine, script):
    status, output = machine.run(script)
    print(output)
    assert status == 0, "the guest's program failed"


def flip(machine, screen, folder):
    driver = vm.GuestDriver("layer", BUILD, "sim:renoir")
    program = os.path.join(BUILD, "tests/guest/viaduct-guest-flips")
    run_in(machine, driver.script + BEGIN.format(program=shlex.quote(program), width=WIDTH, height=HEIGHT,
                                                 buffers=BUFFERS, flips=FLIPS) + WAIT.format(word="begun"))
    until(lambda: ("dmabuf", first_pixel(0)) in screen.frames_so_far(), "the first frame")
    flushes_before = len(held(machine))
    run_in(machine, "echo >/run/never\n" + WAIT.format(word="flipped"))
    frames = []
    until(lambda: frames.extend(screen.frames_so_far()) or len(frames) >= FLIPS, "a frame for each flip")
    assert frames == [("dmabuf", first_pixel(flip % BUFFERS)) for flip in range(1, FLIPS + 1)], (
        "%d frames for %d flips, or in another order: %s" % (len(frames), FLIPS, frames))
    assert screen.picture(folder) == picture(FLIPS % BUFFERS), "bytes differ"
    assert_held(machine, flushes_before)


def held(machine):
    """How many flushes QEMU held when it held another."""
    return [int(number) for number in
            re.findall(r"virtio_gpu_flush_held fence \w+, held (\d+)", machine.log("qemu.log"))]


def assert_held(machine, before):
    """The next flush comes after the answer of the one before, which is the screen's doing."""
    numbers = held(machine)[before:]
    whys = re.findall(r"virtio_gpu_flush_answered fence \w+, -?\d+ ns, (\w+)", machine.log("qemu.log"))[before:]
    print("%d flushes held, at most %d at once; answered for: %s"
          % (len(numbers), max(numbers, default=0), {why: whys.count(why) for why in set(whys)}))
    assert len(numbers) == FLIPS == len(whys), "a flush for each flip"
    assert numbers.count(1) >= FLIPS - LATE, "the guest does not wait for its flushes: %s" % numbers
    assert whys.count("display") >= FLIPS - LATE, "the screen has not answered: %s" % whys


def main():
    if not vm.is_made("patched", [MODULE, "have"]):
        print("the patched QEMU, the guest or its kernel module is not made (tools/test --long makes them)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="viaduct-flips-") as folder:
        screen = Screen(SCREEN, folder + "/wayland")
        try:
            with vm.VirtualMachine(
                    BUILD, qemu="patched", display="wayland", modules=vm.tool(MODULE), progress=print,
                    shares=[(folder, "rw")], arguments=["-trace", "virtio_gpu_flush_*"],
                    environment={"LD_PRELOAD": os.path.join(BUILD, "simgpu/libviaduct-simgpu.so"),
                                 "VIADUCT_SIMGPU": "renoir", "WAYLAND_DISPLAY": screen.path}) as machine:
                flip(machine, screen, folder)
        finally:
            screen.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
