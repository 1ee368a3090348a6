"""A guest with an amdgpu native context, whose frames are blobs: qtest_gpu.Gpu plays its kernel and its
driver (wire/virtgpu.h, wire/ccmd.h, wire/amdgpu.h; virtio 1.2, 5.7)."""

import struct

import qtest_gpu
from qtest_gpu import RESPONSE, Gpu

# virtio 1.2, 5.7.6.7
CTX_CREATE, SUBMIT_3D = 0x200, 0x207
UNREF, CREATE_BLOB, SET_SCANOUT_BLOB, MAP_BLOB = 0x102, 0x10c, 0x10d, 0x208
GET_DISPLAY_INFO, FLUSH = 0x100, 0x104
HOST3D, MAPPABLE, SHAREABLE = 2, 1, 2
B8G8R8X8 = 2
SHARED_MEMORY = 8  # 4.1.4.7: the capability's type
UPDATE_CURSOR, MOVE_CURSOR = 0x300, 0x301  # on queue 1
# Here: where the window to host memory is in the machine, and where the cursor's queue is.
WINDOW = 0xd0000000
CURSOR_DESCRIPTORS, CURSOR_AVAILABLE, CURSOR_USED, CURSOR_REQUEST = (0x3000000 + 0x10000 * i for i in range(4))

CAPSET_DRM, CONTEXT = 6, 1
# wire/amdgpu.h: GemNewRequest; amdgpu_drm.h: AMDGPU_GEM_DOMAIN_GTT
GEM_NEW, GTT = 2, 2
CONTROL_BUFFER, CONTROL_SIZE = 1, 16384


class NativeGuest(Gpu):
    """Resources from 10 on are frames."""

    FEATURES = 0x1f  # VIRGL, EDID, RESOURCE_UUID, RESOURCE_BLOB, CONTEXT_INIT

    def __init__(self, qtest, slot):
        super().__init__(qtest, slot)
        self.seqno = 0
        self.mapped = 0
        self.addresses = {}
        self.command(CTX_CREATE, struct.pack("<II64s", 4, CAPSET_DRM, b"test"), context=CONTEXT)
        self.create_blob(CONTROL_BUFFER, 0, CONTROL_SIZE, MAPPABLE)

    def find_structures(self):
        super().find_structures()
        at = self.config(0x34) & 0xff
        while at:
            head, bar = self.config(at), self.config(at + 4)
            if head & 0xff == qtest_gpu.VENDOR_CAPABILITY and head >> 24 == SHARED_MEMORY:
                self.set_config(0x10 + 4 * (bar & 0xff), WINDOW)
                self.set_config(0x14 + 4 * (bar & 0xff), 0)
            at = head >> 8 & 0xff

    def set_up_others(self):
        self.cursor_commands = 0
        self.cursor_doorbell = self.set_up_queue(1, CURSOR_DESCRIPTORS, CURSOR_AVAILABLE, CURSOR_USED)

    def cursor(self, kind, resource):
        """UPDATE_CURSOR or MOVE_CURSOR; resource 0: none is shown. It has 64x64 pixels."""
        request = struct.pack("<IIQII8I", kind, 0, 0, 0, 0, 0, self.cursor_commands, 1, 0, resource, 0, 0, 0)
        self.qtest.write(CURSOR_REQUEST, request)
        self.qtest.write(CURSOR_DESCRIPTORS, struct.pack("<QIHH", CURSOR_REQUEST, len(request), 0, 0))
        self.qtest.run("writew", CURSOR_AVAILABLE + 4 + 2 * (self.cursor_commands % qtest_gpu.ENTRIES), 0)
        self.cursor_commands += 1
        self.qtest.run("writew", CURSOR_AVAILABLE + 2, self.cursor_commands)
        self.qtest.run("writew", self.cursor_doorbell, 0)
        self.wait_for_use(CURSOR_USED, self.cursor_commands)

    def create_blob(self, resource, blob_id, size, flags=MAPPABLE | SHAREABLE):
        self.command(CREATE_BLOB, struct.pack("<IIIIQQ", resource, HOST3D, flags, 0, blob_id, size),
                     context=CONTEXT)

    def create_frame(self, resource, size):
        """A buffer of the GPU, mapped; `size` is of whole pages."""
        self.seqno += 1
        request = struct.pack("<IIIIQQQIIQ", GEM_NEW, 56, self.seqno, 0, resource, size, 0, GTT, 0, 0)
        self.command(SUBMIT_3D, struct.pack("<II", len(request), 0) + request, context=CONTEXT)
        self.create_blob(resource, resource, size)
        self.command(MAP_BLOB, struct.pack("<IIQ", resource, 0, self.mapped), expect=(0x1106,))
        self.addresses[resource] = WINDOW + self.mapped
        self.mapped += size

    def draw(self, resource, pixels, offset=0):
        self.qtest.write(self.addresses[resource] + offset, pixels)

    def scan_out(self, resource, width, height, stride=None, backing=None, **more):
        """SET_SCANOUT_BLOB of the upper left part of a picture of the size `backing`."""
        body = (struct.pack("<IIII", 0, 0, width, height) + struct.pack("<II", 0, resource) +
                struct.pack("<IIII", *(backing or (width, height)), B8G8R8X8, 0) +
                struct.pack("<8I", stride or width * 4, 0, 0, 0, 0, 0, 0, 0))
        return self.command(SET_SCANOUT_BLOB, body, **more)

    def flush(self, resource, width, height):
        return self.command(FLUSH, struct.pack("<IIIIII", 0, 0, width, height, resource, 0))

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
