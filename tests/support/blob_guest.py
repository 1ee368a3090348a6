"""A guest whose frames are blobs: qtest_gpu.Gpu plays its kernel (virtio 1.2, 5.7)."""

import struct

from qtest_gpu import FLUSH, RESPONSE, Gpu

# virtio 1.2, 5.7.6.7
GET_DISPLAY_INFO, UNREF, CREATE_BLOB, SET_SCANOUT_BLOB = 0x100, 0x102, 0x10c, 0x10d
GUEST, HOST3D, MAPPABLE, SHAREABLE = 1, 2, 1, 2
B8G8R8X8 = 2


class BlobGuest(Gpu):
    """Its blobs lie in its own memory."""

    FEATURES = 0xa  # EDID, RESOURCE_BLOB

    def create_guest_blob(self, resource, address, size):
        """Of one piece of the guest's memory, as a dumb buffer or an imported dma-buf is."""
        self.command(CREATE_BLOB, struct.pack("<IIIIQQQII", resource, GUEST, SHAREABLE, 1, 0, size,
                                              address, size, 0))

    def scan_out(self, resource, width, height, stride=None, backing=None, offset=0, **more):
        """SET_SCANOUT_BLOB of the upper left part of a picture of the size `backing`, which begins at
        `offset`."""
        body = (struct.pack("<IIII", 0, 0, width, height) + struct.pack("<II", 0, resource) +
                struct.pack("<IIII", *(backing or (width, height)), B8G8R8X8, 0) +
                struct.pack("<8I", stride or width * 4, 0, 0, 0, offset, 0, 0, 0))
        return self.command(SET_SCANOUT_BLOB, body, **more)

    def flush(self, resource, width, height):
        return self.command(FLUSH, self.flush_of(resource, width, height))

    def send_fenced_flush(self, resource, width, height, fence, **more):
        """A flush whose end the guest wants to know, in a slot of its own."""
        self.send(FLUSH, self.flush_of(resource, width, height), fence=fence, **more)

    @staticmethod
    def flush_of(resource, width, height):
        return struct.pack("<IIIIII", 0, 0, width, height, resource, 0)

    def flip(self, resource, width, height):
        """A page flip, as a guest's kernel does it."""
        self.scan_out(resource, width, height)
        self.flush(resource, width, height)

    def unref(self, resource):
        self.command(UNREF, struct.pack("<II", resource, 0))

    def display_info(self):
        """Width and height that the first screen is to have. A command that needs nothing of the GPU:
        another context's would take as long."""
        self.command(GET_DISPLAY_INFO, b"", expect=(0x1101,), response=408)
        return tuple(self.qtest.run("readl", RESPONSE + 24 + offset) for offset in (8, 12))
