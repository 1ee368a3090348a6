"""A headless sway, in its tree, whose log of the protocol tells when what came, and a virtual keyboard for it."""

import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

TREE = "forky-desktop"
PATIENCE = 60  # seconds

CONFIG = """output HEADLESS-1 mode %dx%d@60Hz
for_window [app_id=".*"] fullscreen enable
"""

KEYMAP = """xkb_keymap {
    xkb_keycodes { include "evdev+aliases(qwerty)" };
    xkb_types { include "complete" };
    xkb_compat { include "complete" };
    xkb_symbols { include "pc+us+inet(evdev)" };
};
"""


def events_in(log):
    """(milliseconds of the day, object, request or event, arguments) of each line of libwayland's. Clients' numbers of
    objects are their own, so those of two clients may be alike."""
    return [(((int(line[1]) * 60 + int(line[2])) * 60 + float(line[3])) * 1000, line[4], line[5], line[6])
            for line in re.finditer(r"\[(\d+):(\d+):(\d+\.\d+)\] .*?(\w+#\d+)\.(\w+)\((.*)\)", log)]


def frame_times(events, surface):
    """When buffers were committed to a surface."""
    times, pending = [], False
    for when, name, request, arguments in events:
        if name != surface:
            continue
        if request == "attach":
            pending = not arguments.startswith("nil")
        elif request == "commit" and pending:
            times.append(when)
            pending = False
    return times


class Sway:
    """With an output of 60 Hz. Its GPU is the simulated one of an instance."""

    def __init__(self, source, build, folder, width, height, variables):
        self.path = folder + "/wayland-1"
        self.folder = folder
        with open(folder + "/config", "w", encoding="utf-8") as config:
            config.write(CONFIG % (width, height))
        environment = {
            "LD_PRELOAD": os.path.join(build, "simgpu/libviaduct-simgpu.so"),
            "XDG_RUNTIME_DIR": folder,
            "HOME": folder,
            "WAYLAND_DEBUG": "server",
            "WLR_BACKENDS": "headless",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "WLR_RENDER_DRM_DEVICE": "/dev/dri/renderD128",
            # Timelines of the simulated GPU do not cross processes.
            "WLR_RENDER_NO_EXPLICIT_SYNC": "1",
            **variables,
        }
        with open(folder + "/protocol.log", "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(source, "tools/tree"), "run", TREE, "env",
                 *("%s=%s" % item for item in environment.items()), "sway", "--unsupported-gpu", "-c",
                 folder + "/config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "VIADUCT_TREE_BIND": build})
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("sway does not start:\n" + self.log())
            time.sleep(0.05)
        self.read_so_far = 0

    def log(self):
        with open(self.folder + "/protocol.log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def events(self):
        """What is new in the log."""
        with open(self.folder + "/protocol.log", "rb") as log:
            log.seek(self.read_so_far)
            new = log.read()
        new = new[:new.rfind(b"\n") + 1]
        self.read_so_far += len(new)
        return events_in(new.decode(errors="replace"))

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


class VirtualKeyboard:
    """A client with nothing but a keyboard (virtual-keyboard-unstable-v1). The numbers of requests and events are
    those of the protocols' XML files."""

    DISPLAY, REGISTRY, SYNC, SEAT, MANAGER, KEYBOARD = range(1, 7)

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.send(self.DISPLAY, 1, struct.pack("<I", self.REGISTRY))
        self.send(self.DISPLAY, 0, struct.pack("<I", self.SYNC))
        names = self.globals()
        for kind, number in (("wl_seat", self.SEAT), ("zwp_virtual_keyboard_manager_v1", self.MANAGER)):
            text = kind.encode() + b"\0"
            self.send(self.REGISTRY, 0, struct.pack("<II", names[kind], len(text)) + text +
                      bytes(-len(text) % 4) + struct.pack("<II", 1, number))
        self.send(self.MANAGER, 0, struct.pack("<II", self.SEAT, self.KEYBOARD))
        with tempfile.TemporaryFile() as keymap:
            keymap.write(KEYMAP.encode() + b"\0")
            keymap.flush()
            self.send(self.KEYBOARD, 0, struct.pack("<II", 1, len(KEYMAP) + 1), [keymap.fileno()])

    def send(self, number, request, arguments, files=()):
        message = struct.pack("<IHH", number, request, 8 + len(arguments)) + arguments
        socket.send_fds(self.socket, [message], list(files))

    def globals(self):
        """Their names by their interfaces, up to the answer to SYNC."""
        names, waiting = {}, b""
        while True:
            waiting += self.socket.recv(65536)
            while len(waiting) >= 8:
                number, event, size = struct.unpack_from("<IHH", waiting)
                if len(waiting) < size:
                    break
                body, waiting = waiting[8:size], waiting[size:]
                if number == self.SYNC:
                    return names
                if number == self.REGISTRY and event == 0:
                    name, length = struct.unpack_from("<II", body)
                    names[body[8:8 + length - 1].decode()] = name

    def press(self, key, down):
        """A key of linux/input-event-codes.h."""
        self.send(self.KEYBOARD, 1, struct.pack("<III", int(time.monotonic() * 1000) & 0xffffffff, key, int(down)))

    def close(self):
        self.socket.close()
