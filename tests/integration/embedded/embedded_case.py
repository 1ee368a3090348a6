"""Test cases of the patched QEMU's displays. A test's arguments are those of wayland_test.py."""

import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

from embedded_qemu import SOURCE, TREE, Qemu, Screen

BUILD, SCREEN = sys.argv[1:3]
SKIPPED = 77  # meson
WIDTH, HEIGHT = 64, 48
SIZE = WIDTH * HEIGHT * 4
BUFFERS = (10, 11, 12)


def noise(seed):
    return random.Random(seed).randbytes(SIZE)


def first_pixel(pixels):
    return struct.unpack("<I", pixels[:4])[0]


class EmbeddedCase(unittest.TestCase):
    """A compositor and a QEMU, which end with the test."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="viaduct-wayland-"))
        self.socket = os.path.join(self.folder, "wayland")

    def open_screen(self):
        screen = Screen(SCREEN, self.socket)
        self.addCleanup(screen.stop)
        return screen

    def start(self, screen, *arguments, **options):
        qemu = Qemu(BUILD, self.folder, screen, *arguments, **options)
        self.addCleanup(lambda: print(qemu.log()))
        self.addCleanup(qemu.stop)
        return qemu

    def draw_all(self, guest, seed=0):
        for resource in BUFFERS:
            guest.create_frame(resource, SIZE)
            guest.draw(resource, noise(seed + resource))

    def assert_shows(self, screen, resource, seed=0):
        """The next dma-buf that is shown has every byte that the guest drew."""
        expected = noise(seed + resource)
        self.assertEqual(screen.frame(), (WIDTH, HEIGHT, first_pixel(expected)))
        self.assertTrue(screen.picture(self.folder) == expected, "bytes differ")


def run():
    for made in (["qemu-patches/build", "have"], ["tools/tree", "have", TREE]):
        if subprocess.run([os.path.join(SOURCE, made[0]), *made[1:]], check=False).returncode:
            print("the patched QEMU or its tree is not made (tools/test --vm makes them)")
            sys.exit(SKIPPED)
    names = [argument for argument in sys.argv[3:] if not argument.endswith(".so")]
    unittest.main(argv=sys.argv[:1] + names, verbosity=2)
