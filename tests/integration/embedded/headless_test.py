#!/usr/bin/env python3
"""Frames in the guest's memory that something other than virtio-gpu has written, as a GPU does that is passed
through: they are scanned out of the patched QEMU without a copy (docs/headless-gpu.md).

    headless_test.py BUILD SCREEN [UDMABUF] [NAMES]

The writers are QEMU's teaching device "edu", whose DMA fills the frame, and the guest's processor. Needs
/dev/udmabuf, or the library UDMABUF that plays it. Exits with 77 if QEMU or its tree has not been made
(tools/test --vm makes them).
"""

import os
import re
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from embedded_case import BUFFERS, HEIGHT, SIZE, WIDTH, EmbeddedCase, first_pixel, noise, run  # noqa: E402
from embedded_qemu import until  # noqa: E402
from memory_guest import MemoryGuest, NativeMemoryGuest  # noqa: E402

EDU_SLOT = 5
# QEMU: docs/specs/edu.rst
EDU_SOURCE, EDU_DESTINATION, EDU_COUNT, EDU_COMMAND = 0x80, 0x88, 0x90, 0x98
EDU_START, EDU_TO_RAM = 1, 2
EDU_BUFFER, EDU_BUFFER_SIZE = 0x40000, 4096
# Of this module: where the device's registers and what it is to copy are in the machine.
EDU_REGISTERS = 0xe1000000
STAGING = 0x200000


class Edu:
    """A PCI device that copies by DMA, 4 KiB at a time."""

    def __init__(self, guest):
        self.qtest = guest.qtest
        guest.set_config(0x10, EDU_REGISTERS, slot=EDU_SLOT)
        guest.set_config(0x04, 6, slot=EDU_SLOT)  # memory, and what the device reads and writes by itself

    def transfer(self, source, destination, count, direction):
        for register, value in ((EDU_SOURCE, source), (EDU_DESTINATION, destination), (EDU_COUNT, count),
                                (EDU_COMMAND, EDU_START | direction)):
            self.qtest.run("writeq", EDU_REGISTERS + register, value)
        while self.qtest.run("readq", EDU_REGISTERS + EDU_COMMAND) & EDU_START:
            self.qtest.run("clock_step", 100_000_000)

    def write(self, address, data):
        """Into RAM, by the device."""
        for at in range(0, len(data), EDU_BUFFER_SIZE):
            part = data[at:at + EDU_BUFFER_SIZE]
            self.qtest.write(STAGING, part)
            self.transfer(STAGING, EDU_BUFFER, len(part), 0)
            self.transfer(EDU_BUFFER, address + at, len(part), EDU_TO_RAM)


class Headless(EmbeddedCase):
    def begin(self, kind=MemoryGuest):
        self.screen = self.open_screen()
        self.qemu = self.start(self.screen, "-trace", "wayland_counts", *kind.ARGUMENTS,
                               "-device", "edu,addr=%d" % EDU_SLOT, device=kind.DEVICE, preload=kind.PRELOAD)
        self.guest = self.qemu.guest(kind)

    def create_frames(self):
        for resource in BUFFERS:
            self.guest.create_frame(resource, SIZE)

    def counts(self):
        """Frames without a copy, and copied, so far."""
        counts = re.findall(r"(\d+) without a copy, (\d+) copied", self.qemu.log())
        return tuple(map(int, counts[-1])) if counts else (0, 0)

    def assert_all_without_a_copy(self, number):
        """Only what the machine has shown before the first of them was copied."""
        until(lambda: self.counts()[0] == number, "%d frames without a copy" % number)
        if number == 1:
            self.copied_before = self.counts()[1]
        self.assertEqual(self.counts()[1], self.copied_before, "frames were copied")

    def test_frames_that_a_device_wrote_are_shown_without_a_copy(self):
        for kind in (MemoryGuest, NativeMemoryGuest):
            with self.subTest(kind=kind.__name__):
                self.begin(kind)
                self.create_frames()
                edu = Edu(self.guest)
                for seed, resource in enumerate(BUFFERS * 2):
                    pixels = noise(100 + seed)
                    edu.write(self.guest.address(resource), pixels)
                    self.guest.scan_out(resource, WIDTH, HEIGHT)
                    self.guest.send_fenced_flush(resource, WIDTH, HEIGHT, 1 + seed)
                    self.assertEqual(self.guest.answer(), 0x1100)
                    self.assertEqual(self.screen.frame(), (WIDTH, HEIGHT, first_pixel(pixels)))
                    self.assertTrue(self.screen.picture(self.folder) == pixels, "bytes differ")
                    self.assert_all_without_a_copy(1 + seed)
                self.qemu.stop()
                self.screen.stop()

    def test_the_compositor_has_the_guests_own_pages(self):
        self.begin()
        self.create_frames()
        self.guest.draw(10, noise(10))
        self.guest.flip(10, WIDTH, HEIGHT)
        self.assert_shows(self.screen, 10)
        # Without another flush nothing is handed over: these bytes are there because the pages are.
        Edu(self.guest).write(self.guest.address(10), noise(11))
        self.assertTrue(self.screen.picture(self.folder) == noise(11), "bytes differ")

    def test_a_flush_without_a_fence_is_answered(self):
        self.begin()
        self.create_frames()
        for resource in BUFFERS * 2:
            self.guest.draw(resource, noise(resource))
            self.guest.flip(resource, WIDTH, HEIGHT)
            self.assert_shows(self.screen, resource)

    def test_picture_may_begin_anywhere_in_its_blob(self):
        for kind in (MemoryGuest, NativeMemoryGuest):
            with self.subTest(kind=kind.__name__):
                self.begin(kind)
                self.guest.create_frame(10, 4 * SIZE)
                for offset in (0, SIZE, SIZE + 64):
                    self.guest.draw(10, noise(offset), offset)
                    self.guest.scan_out(10, WIDTH, HEIGHT, offset=offset)
                    self.guest.flush(10, WIDTH, HEIGHT)
                    self.assertEqual(self.screen.frame(), (WIDTH, HEIGHT, first_pixel(noise(offset))))
                    self.assertTrue(self.screen.picture(self.folder) == noise(offset), "bytes differ")
                # Beyond its end:
                answer = self.guest.scan_out(10, WIDTH, HEIGHT, offset=3 * SIZE + 64, expect=range(0x1100, 0x1300))
                self.assertNotEqual(answer, 0x1100)
                self.qemu.stop()
                self.screen.stop()


if __name__ == "__main__":
    run()
