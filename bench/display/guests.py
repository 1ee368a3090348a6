"""Guests that qtest plays (tests/support/), which flip between buffers of one size and answer keys."""

import struct
import time

from native_guest import NativeGuest
from qtest_gpu import ATTACH, CREATE_2D, FLUSH, PIXELS, SET_SCANOUT, TRANSFER_2D, Gpu

SLOT = 4
# The PC's keyboard controller: its status, of which bit 0 is "a byte is there", and that byte.
KEYBOARD_STATUS, KEYBOARD_BYTE = 0x64, 0x60
PATIENCE = 60  # seconds


class Keys:
    """The machine's PS/2 keyboard."""

    def __init__(self, qtest):
        self.qtest = qtest

    def byte_is_there(self):
        return self.qtest.run("inb", KEYBOARD_STATUS) & 1

    def read(self):
        return self.qtest.run("inb", KEYBOARD_BYTE)

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while not self.byte_is_there():
            if time.monotonic() > deadline:
                raise RuntimeError("a key does not come")
            time.sleep(0.0002)

    def forget(self):
        while self.byte_is_there():
            self.read()


class BlobGuest:
    """Its frames are blobs of a native context."""

    TITLE = "of a native context"
    DEVICE = "virtio-gpu-gl-pci,addr=%d,blob=on,hostmem=64M,drm_native_context=on" % SLOT
    GL = True
    BUFFERS = (10, 11, 12)

    def __init__(self, qtest, width, height):
        self.guest = NativeGuest(qtest, SLOT)
        self.size = (width, height)
        for resource in self.BUFFERS:
            self.guest.create_frame(resource, width * height * 4)
        self.frames = 0

    def flip(self):
        self.frames += 1
        self.guest.flip(self.BUFFERS[self.frames % len(self.BUFFERS)], *self.size)

    def stand_by(self):
        """As many commands as a flip has, of a buffer that is not shown."""
        hidden = self.BUFFERS[(self.frames + 1) % len(self.BUFFERS)]
        self.guest.flush(hidden, *self.size)
        self.guest.flush(hidden, *self.size)


class ClassicGuest:
    """Its frames are 2D resources, each of them transferred from the guest's memory."""

    BUFFERS = (1, 2)

    def __init__(self, qtest, width, height):
        self.guest = self.CLASS(qtest, SLOT)
        self.rectangle = struct.pack("<IIII", 0, 0, width, height)
        for resource in self.BUFFERS:
            self.guest.command(CREATE_2D, struct.pack("<IIII", resource, 2, width, height))  # B8G8R8X8
            self.guest.command(ATTACH, struct.pack("<IIQII", resource, 1, PIXELS, width * height * 4, 0))
        self.frames = 0

    def flip(self):
        self.frames += 1
        shown = self.BUFFERS[self.frames % 2]
        self.transfer(shown)
        self.guest.command(SET_SCANOUT, self.rectangle + struct.pack("<II", 0, shown))
        self.flush(shown)

    def stand_by(self):
        hidden = self.BUFFERS[(self.frames + 1) % 2]
        self.transfer(hidden)
        self.flush(hidden)
        self.flush(hidden)

    def transfer(self, resource):
        self.guest.command(TRANSFER_2D, self.rectangle + struct.pack("<QII", 0, resource, 0))

    def flush(self, resource):
        self.guest.command(FLUSH, self.rectangle + struct.pack("<II", resource, 0))


class TextureGuest(ClassicGuest):
    TITLE = "2D resources that virglrenderer has"
    DEVICE, GL, CLASS = "virtio-gpu-gl-pci,addr=%d" % SLOT, True, Gpu


class PlainGpu(Gpu):
    FEATURES = 0


class PlainGuest(ClassicGuest):
    TITLE = "2D resources in QEMU's memory, no GL"
    DEVICE, GL, CLASS = "virtio-gpu-pci,addr=%d" % SLOT, False, PlainGpu


GUESTS = {"blobs": BlobGuest, "textures": TextureGuest, "plain": PlainGuest}
