"""Guests whose frames lie in their memory, each at the start of a NUMA node, which is a memfd of its own. QEMU
(its 2D device) or our library makes udmabufs of them."""

import os
import sys

from blob_guest import BlobGuest
from native_guest import NativeGuest

MIB = 1 << 20
NODE = 16 * MIB
# The test's library that plays /dev/udmabuf where the machine has none. It can only hand out the start of a
# memfd.
PLAYED = next((argument for argument in sys.argv if argument.endswith("played-udmabuf.so")), None)


class FramesInMemory:
    """Resources from 10 on are frames, in the nodes from 1 on: rings and commands are in node 0."""

    ARGUMENTS = [word for node in range(4) for word in (
        "-object", "memory-backend-memfd,id=node%d,size=%d,share=on" % (node, NODE),
        "-numa", "node,memdev=node%d" % node)]
    PRELOAD = [PLAYED] if PLAYED and not os.path.exists("/dev/udmabuf") else []

    def create_frame(self, resource, size):
        self.create_guest_blob(resource, self.address(resource), size)

    def draw(self, resource, pixels, offset=0):
        """The guest's processor does."""
        self.qtest.write(self.address(resource) + offset, pixels)

    @staticmethod
    def address(resource):
        return (resource - 9) * NODE


class MemoryGuest(FramesInMemory, BlobGuest):
    """With the device that has no 3D."""

    DEVICE = "virtio-gpu-pci,addr=4,blob=on"


class NativeMemoryGuest(FramesInMemory, NativeGuest):
    """With native contexts as well; but its frames are not of them."""

    DEVICE = "virtio-gpu-gl-pci,addr=4,blob=on,hostmem=64M,drm_native_context=on"
