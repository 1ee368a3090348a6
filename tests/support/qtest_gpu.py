"""A virtio-gpu device driven by a test in the place of a guest: QEMU's qtest executes no instruction, but
reads and writes the machine's ports and memory (QEMU: docs/devel/testing/qtest.rst)."""

import socket
import struct
import time

# virtio 1.2: 4.1.4, "Virtio Structure PCI Capabilities".
VENDOR_CAPABILITY, COMMON, NOTIFY = 0x09, 1, 2
# 4.1.4.3: offsets in the common structure.
FEATURE_SELECT, FEATURES, STATUS, QUEUE_SELECT, QUEUE_SIZE = 8, 12, 20, 22, 24
QUEUE_ENABLE, QUEUE_NOTIFY_OFFSET, QUEUE_DESCRIPTORS, QUEUE_DRIVER, QUEUE_DEVICE = 28, 30, 32, 40, 48
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
# 2.7.5: a descriptor's flags.
NEXT, WRITE = 1, 2
# 5.7.6.7: commands, the response without data, and a header's flag.
CREATE_2D, SET_SCANOUT, FLUSH, TRANSFER_2D, ATTACH = 0x101, 0x103, 0x104, 0x105, 0x106
OK = 0x1100
FENCE = 1

# Of this module: where things are in the machine, which has no firmware.
REGISTERS = 0xe0000000
DESCRIPTORS, AVAILABLE, USED, REQUEST, RESPONSE, PIXELS = (0x100000 + 0x10000 * i for i in range(6))
ENTRIES = 64  # of the control queue
SLOT_SIZE = 0x800  # for a command's request, and for its response
PATIENCE = 60  # seconds for an answer


class Qtest:
    """QEMU's -qtest socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="ascii")

    def close(self):
        self.file.close()
        self.socket.close()

    def run(self, *words):
        self.file.write(" ".join(hex(word) if isinstance(word, int) else word
                                 for word in words) + "\n")
        self.file.flush()
        while True:
            answer = self.file.readline().split()
            if not answer or answer[0] == "FAIL":
                raise RuntimeError("%s: %s" % (words, answer))
            if answer[0] == "OK":
                return int(answer[1], 16) if len(answer) > 1 else None

    def write(self, address, data):
        self.run("write", address, len(data), "0x" + data.hex())


class Gpu:
    """The device in slot `slot` of bus 0, with its control queue."""

    FEATURES = 1  # VIRTIO_GPU_F_VIRGL

    def __init__(self, qtest, slot):
        self.qtest = qtest
        self.slot = slot
        self.submitted = 0
        self.used = 0
        self.pending = set()  # slots
        self.find_structures()
        self.start()

    def config(self, register):
        self.select(self.slot, register)
        return self.qtest.run("inl", 0xcfc)

    def set_config(self, register, value, slot=None):
        """Of this device, or of the one in another slot."""
        self.select(slot or self.slot, register)
        self.qtest.run("outl", 0xcfc, value)

    def select(self, slot, register):
        self.qtest.run("outl", 0xcf8, 0x80000000 | slot << 11 | register & ~3)

    def find_structures(self):
        place = {}
        at = self.config(0x34) & 0xff
        while at:
            head, bar, offset = self.config(at), self.config(at + 4), self.config(at + 8)
            if head & 0xff == VENDOR_CAPABILITY and head >> 24 not in place:
                place[head >> 24] = (bar & 0xff, offset, self.config(at + 16))
            at = head >> 8 & 0xff
        bar, self.common, _ = place[COMMON]
        _, self.notify, self.notify_multiplier = place[NOTIFY]
        self.set_config(0x10 + 4 * bar, REGISTERS)
        self.set_config(0x14 + 4 * bar, 0)
        self.set_config(0x04, 6)  # memory, and what the device reads and writes by itself

    def set(self, size, offset, value):
        self.qtest.run({1: "writeb", 2: "writew", 4: "writel", 8: "writeq"}[size],
                       REGISTERS + self.common + offset, value)

    def start(self):
        self.set(1, STATUS, 0)
        self.set(1, STATUS, ACKNOWLEDGE | DRIVER)
        for word, bits in ((0, self.FEATURES), (1, 1)):  # VIRTIO_F_VERSION_1
            self.set(4, FEATURE_SELECT, word)
            self.set(4, FEATURES, bits)
        self.set(1, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        self.doorbell = self.set_up_queue(0, DESCRIPTORS, AVAILABLE, USED)
        self.set_up_others()
        self.set(1, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    def set_up_others(self):
        """For devices that use more than the control queue."""

    def set_up_queue(self, index, descriptors, available, used, entries=ENTRIES):
        """The address of its doorbell."""
        for ring in (available, used):
            self.qtest.write(ring, bytes(6 + 8 * entries))
        self.set(2, QUEUE_SELECT, index)
        self.set(2, QUEUE_SIZE, entries)
        for register, address in ((QUEUE_DESCRIPTORS, descriptors), (QUEUE_DRIVER, available),
                                  (QUEUE_DEVICE, used)):
            self.set(4, register, address)
            self.set(4, register + 4, 0)
        self.set(2, QUEUE_ENABLE, 1)
        offset = self.qtest.run("readw", REGISTERS + self.common + QUEUE_NOTIFY_OFFSET)
        return REGISTERS + self.notify + offset * self.notify_multiplier

    def send(self, kind, body, context=0, response=24, fence=0, slot=0, ring=True):
        """Hands a command over; answer() has what the device says to it. Several can be under way, each in a
        slot of its own. Without `ring` the device finds it together with the next one."""
        request = struct.pack("<IIQII", kind, FENCE if fence else 0, fence, context, 0) + body
        at = SLOT_SIZE * slot
        self.qtest.write(REQUEST + at, request)
        self.qtest.write(RESPONSE + at, bytes(response))
        # Two descriptors: what the device reads, and what it writes.
        self.qtest.write(DESCRIPTORS + 32 * slot,
                         struct.pack("<QIHHQIHH", REQUEST + at, len(request), NEXT, 2 * slot + 1,
                                     RESPONSE + at, response, WRITE, 0))
        self.qtest.run("writew", AVAILABLE + 4 + 2 * (self.submitted % ENTRIES), 2 * slot)
        self.submitted += 1
        self.pending.add(slot)
        self.qtest.run("writew", AVAILABLE + 2, self.submitted & 0xffff)
        if ring:
            self.qtest.run("writew", self.doorbell, 0)

    def answered(self):
        """The slots of commands that have been answered since the last call, in order."""
        slots = []
        while self.used != self.qtest.run("readw", USED + 2):
            slots.append(self.qtest.run("readl", USED + 4 + 8 * (self.used % ENTRIES)) // 2)
            self.used = (self.used + 1) & 0xffff
        self.pending.difference_update(slots)
        return slots

    def answer(self, slot=0):
        """The response's type, once it is there."""
        def has_come():
            self.answered()
            return slot not in self.pending
        self.wait(has_come, "the answer in slot %d" % slot)
        return self.qtest.run("readl", RESPONSE + SLOT_SIZE * slot)

    def wait_for_use(self, used, number):
        """Until the device has used so many buffers of a queue."""
        self.wait(lambda: self.qtest.run("readw", used + 2) == number & 0xffff, "answer %d" % number)

    def wait(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError("%s does not come" % what)
            self.qtest.run("clock_step", 1000000)
            time.sleep(0.0001)

    def command(self, kind, body, expect=(OK,), **more):
        """Runs a command; an error unless the device answers as expected."""
        self.send(kind, body, **more)
        answer = self.answer()
        if answer not in expect:
            raise RuntimeError("command %#x: %#x" % (kind, answer))
        return answer

    def show(self, width, height, pixels):
        """Makes a classic resource of these pixels (blue, green, red, unused) and scans it out."""
        rectangle = struct.pack("<IIII", 0, 0, width, height)
        resource = 1
        self.qtest.write(PIXELS, pixels)
        self.command(CREATE_2D, struct.pack("<IIII", resource, 2, width, height))  # B8G8R8X8
        self.command(ATTACH, struct.pack("<IIQII", resource, 1, PIXELS, len(pixels), 0))
        self.command(TRANSFER_2D, rectangle + struct.pack("<QII", 0, resource, 0))
        self.command(SET_SCANOUT, rectangle + struct.pack("<II", 0, resource))
        self.command(FLUSH, rectangle + struct.pack("<II", resource, 0))
