"""A headless Weston on the simulated GPU, in its tree."""

import os
import re
import signal
import subprocess

from embedded_qemu import SOURCE, until
from picture_file import read_png

TREE = "trixie"
# wayland.xml: ids from here on are the compositor's. Of wl_buffers those that zwp_linux_buffer_params_v1.create
# made have one.
FIRST_OF_THE_COMPOSITOR = 0xff000000


class Weston:
    """Runs on the simulated GPU of an instance. Its log of the protocol has all that clients ask for."""

    def __init__(self, build, folder, instance, width, height):
        self.folder = folder
        self.socket = folder + "/screen"
        self.protocol = folder + "/protocol.log"
        self.tree = {**os.environ, "VIADUCT_TREE_BIND": build}
        environment = {
            "LD_PRELOAD": os.path.join(build, "simgpu/libviaduct-simgpu.so"),
            "VIADUCT_SIMGPU": "renoir",
            "VIADUCT_SIMGPU_INSTANCE": instance,
            "XDG_RUNTIME_DIR": folder,
            "HOME": folder,
            "WAYLAND_DISPLAY": "screen",
        }
        self.in_tree = [os.path.join(SOURCE, "tools/tree"), "run", TREE, "env",
                        *("%s=%s" % item for item in environment.items())]
        with open(self.protocol, "wb") as log:
            self.process = subprocess.Popen(
                [*self.in_tree, "WAYLAND_DEBUG=server", "weston", "--debug", "--backend=headless", "--renderer=gl",
                 "--shell=kiosk", "--no-config", "--idle-time=0", "--socket=screen",
                 "--log=%s/weston.log" % folder, "--width=%d" % width, "--height=%d" % height],
                start_new_session=True, stderr=log, env=self.tree)
        until(lambda: os.path.exists(self.socket), "Weston's socket")

    def picture(self):
        before = set(os.listdir(self.folder))
        subprocess.run([*self.in_tree, "weston-screenshooter"], check=True, cwd=self.folder, env=self.tree)
        name, = set(os.listdir(self.folder)) - before
        return read_png(os.path.join(self.folder, name))

    def attached(self):
        """Buffers that clients have attached to surfaces so far: dma-bufs, and those in shared memory."""
        with open(self.protocol, encoding="utf-8", errors="replace") as log:
            ids = [int(number) for number in re.findall(r"wl_surface[@#]\d+\.attach\(wl_buffer[@#](\d+),", log.read())]
        dmabufs = sum(number >= FIRST_OF_THE_COMPOSITOR for number in ids)
        return dmabufs, len(ids) - dmabufs

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
