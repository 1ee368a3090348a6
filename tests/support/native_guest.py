"""A guest with an amdgpu native context, whose frames are blobs of the host's GPU (wire/virtgpu.h,
wire/ccmd.h, wire/amdgpu.h; virtio 1.2, 5.7)."""

import struct

import qtest_gpu
from blob_guest import CREATE_BLOB, HOST3D, MAPPABLE, SHAREABLE, BlobGuest

# virtio 1.2, 5.7.6.7
CTX_CREATE, SUBMIT_3D, MAP_BLOB = 0x200, 0x207, 0x208
SHARED_MEMORY = 8  # 4.1.4.7: the capability's type
UPDATE_CURSOR, MOVE_CURSOR = 0x300, 0x301  # on queue 1
# Here: where the window to host memory is in the machine, and where the cursor's queue is.
WINDOW = 0xd0000000
CURSOR_ENTRIES = 16  # all that QEMU has
CURSOR_DESCRIPTORS, CURSOR_AVAILABLE, CURSOR_USED, CURSOR_REQUEST = (0x400000 + 0x10000 * i for i in range(4))

CAPSET_DRM, CONTEXT = 6, 1
# wire/amdgpu.h: GemNewRequest; amdgpu_drm.h: AMDGPU_GEM_DOMAIN_GTT
GEM_NEW, GTT = 2, 2
CONTROL_BUFFER, CONTROL_SIZE = 1, 16384


class NativeGuest(BlobGuest):
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
        self.cursor_doorbell = self.set_up_queue(1, CURSOR_DESCRIPTORS, CURSOR_AVAILABLE, CURSOR_USED,
                                                 CURSOR_ENTRIES)

    def cursor(self, kind, resource):
        """UPDATE_CURSOR or MOVE_CURSOR; resource 0: none is shown. It has 64x64 pixels."""
        request = struct.pack("<IIQII8I", kind, 0, 0, 0, 0, 0, self.cursor_commands, 1, 0, resource, 0, 0, 0)
        self.qtest.write(CURSOR_REQUEST, request)
        self.qtest.write(CURSOR_DESCRIPTORS, struct.pack("<QIHH", CURSOR_REQUEST, len(request), 0, 0))
        self.qtest.run("writew", CURSOR_AVAILABLE + 4 + 2 * (self.cursor_commands % CURSOR_ENTRIES), 0)
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
