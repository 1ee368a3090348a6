"""A virtual machine for tools/vm and tests/integration/vm: QEMU from a Debian tree, with this
build's library instead of libvirglrenderer.so.1, and the guest of guest-mesa/image/build.

    with VirtualMachine(build) as machine:
        status, output = machine.run("vulkaninfo --summary")

Everything it needs at run time is in a directory of its own, which goes with it: the library and
its worker, sockets, logs.
"""

import gzip
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

import borrowed_mesa
import gpus
from cli import Failure
from holdings import Holdings
from session import Session

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Which QEMU: the tree (tools/trees/) that it runs in, and the script that makes it, if any. The patched
# one is QEMU 10.0, or QEMU 11.1 from a source that Debian does not have.
QEMUS = {
    "stock": ("forky", None),
    "patched": ("forky-qemu" if os.environ.get("VIADUCT_QEMU_SOURCE") else "trixie-qemu", "qemu-patches/build"),
}

# What they need of the build beside the library: targets, and their files.
TARGETS = {"stock": [], "patched": ["viaduct-wayland"]}
FILES = {"stock": [], "patched": ["display/embed/libviaduct-wayland.so.0"]}

# What a VMM loads and starts, in the build directory.
LIBRARY = ("renderer/libvirglrenderer.so.1", "drm-context/worker/viaduct-worker")


def tool(*command):
    """The last line that one of the tree's scripts prints: where it put what it made."""
    done = subprocess.run([os.path.join(ROOT, command[0]), *command[1:]], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1]


def is_made(qemu, *more):
    """Whether the QEMU and its guest have been made, and so has what more commands ask for."""
    tree, recipe = QEMUS[qemu]
    commands = [["tools/tree", "have", tree], ["guest-mesa/image/build", "have"], *more]
    if recipe:
        commands.append([recipe, "have"])
    return all(subprocess.run([os.path.join(ROOT, command[0]), *command[1:]], check=False).returncode == 0
               for command in commands)


def check_shares(paths):
    """A Failure if a path has a character that ends a name: in -virtfs a comma, in the guest's list
    of shares a colon too, on the kernel's command line a space or a quote."""
    for path in paths:
        if re.search(r"[\s,:\"\\]", path):
            raise Failure("%s cannot be shared with a virtual machine: its name has a space, a "
                          "comma, colon, quote or backslash; move or clone it elsewhere" % path)


def require_root(name, qemu, mesa="layer"):
    """A Failure if a tree has yet to be made and this user cannot. To be called before a build."""
    if os.geteuid() == 0:
        return
    needed = [("tools/tree", QEMUS[qemu][0])]
    if mesa == "virtio":
        needed.append(("guest-mesa/mesa/build", None))
    for program, tree in needed:
        command = [os.path.join(ROOT, program), "have"] + ([tree] if tree else [])
        if subprocess.run(command, check=False).returncode != 0:
            raise Failure("the first use makes a Debian tree (%s), which needs root: run this "
                          "command as root (sudo %s ...)" % (tree or "trixie", name))


def share_argument(number, path, mode):
    readonly = ",readonly=on" if mode == "ro" else ""
    return ["-virtfs", "local,path=%s,mount_tag=share%d,security_model=none,multidevs=remap%s"
            % (path, number, readonly)]


def shares_argument(shares):
    """What the guest's initramfs reads on its kernel's command line (guest-mesa/image/init)."""
    return "viaduct.shares=" + ",".join("share%d:%s:%s" % (number, path, mode)
                                        for number, (path, mode) in enumerate(shares))


def disk_argument(path):
    return ["-drive", "file=%s,if=virtio,format=raw,readonly=on" % path]


def port_argument(name, path):
    """A virtio port, whose other side is a unix socket."""
    return ["-chardev", "socket,id=%s,path=%s,server=on,wait=off" % (name, path),
            "-device", "virtserialport,chardev=" + name]


class GuestDriver:
    """How the guest's programs come by a driver: "stock", Debian's Mesa as it is (virgl); "layer",
    the same with the guest layer, from its package, which the build has made; "layer:SOURCE", the
    layer and another release's Mesa (borrowed_mesa.py); "virtio", a Mesa with virtio back ends of
    its own."""

    PACKAGE = "guest-mesa/package/viaduct-guest.deb"

    # As a user installs it, once per boot: each boot starts with the image's root again.
    INSTALL = """command -v viaduct-run >/dev/null || dpkg --install %s >/dev/null || exit 125
export LD_PRELOAD=$(viaduct-run --library)
"""

    ICD = "/usr/share/vulkan/icd.d/%s_icd.json"

    def __init__(self, mesa, build, gpu="auto"):
        self.shares = []
        self.script = ""
        variables = {}
        layer, _, source = mesa.partition(":")
        if layer == "layer":
            package = os.path.join(os.path.abspath(build), self.PACKAGE)
            if not os.path.exists(package):
                raise Failure("%s is missing: tools/build makes it" % package)
            self.script = self.INSTALL % shlex.quote(package)
            # No other driver: the loader would try each, which takes its time.
            variables["VK_DRIVER_FILES"] = ":".join(self.ICD % name for name in self.drivers(gpu))
            if source:
                self.folder = tempfile.TemporaryDirectory(prefix="viaduct-mesa-")
                self.shares.append((self.folder.name, "ro"))
                variables.update(borrowed_mesa.copy(source, self.folder.name))
        elif mesa == "virtio":
            prefix = tool("guest-mesa/mesa/build")
            self.shares.append((prefix, "ro"))
            variables["LD_LIBRARY_PATH"] = prefix + "/lib"
            variables["VK_DRIVER_FILES"] = prefix + "/share/vulkan/icd.d/radeon_icd.x86_64.json"
            variables["LIBGL_DRIVERS_PATH"] = prefix + "/lib/dri"
            variables["GBM_BACKENDS_PATH"] = prefix + "/lib/gbm"
        self.script += "".join("export %s=%s\n" % item for item in variables.items())

    @staticmethod
    def drivers(gpu):
        """Names of Vulkan drivers for a GPU, as VIADUCT_GPU has it: of any, unless it is simulated."""
        if not gpu.startswith("sim:"):
            return ["radeon", "intel"]
        return ["intel"] if gpus.vendor(gpu) == "Intel" else ["radeon"]


class Qmp:
    """QEMU's monitor: one command after the other."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()  # the greeting
        self.events = []
        self.execute("qmp_capabilities")

    def close(self):
        self.lines.close()
        self.socket.close()

    def execute(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(request).encode())
        for line in self.lines:
            reply = json.loads(line)
            if "event" in reply:
                self.events.append(reply["event"])
            elif "error" in reply:
                raise Failure("%s: %s" % (command, reply["error"]["desc"]))
            else:
                return reply["return"]
        raise Failure("%s: QEMU is gone" % command)


class VirtualMachine(Session):
    """QEMU and the guest in it, which runs scripts (session.py). Options, all keywords:

    qemu         a key of QEMUS
    gpu          VIADUCT_GPU (docs/env.md)
    device       the model and its properties, as -device takes them
    accelerator  "tcg", or "kvm" where there is one that works
    shares       (directory, "ro" or "rw"): in the guest under the paths they have here
    display      as -display takes it; default: one that this machine can show or do without
    environment  more variables for QEMU
    arguments    more arguments for QEMU
    modules      a directory of kernel modules, instead of the image's of the same names
    progress     called with each line that says how far the start is
    """

    DEVICE = "virtio-vga-gl,blob=on,hostmem=1G,drm_native_context=on"
    IMAGE = ("guest-mesa/image/build",)  # the command that makes the guest

    def __init__(self, build, **options):
        super().__init__()
        self.build = os.path.abspath(build)
        self.options = options
        self.folder = tempfile.TemporaryDirectory(prefix="viaduct-vm-")
        self.shares = [(self.build, "ro"), *options.get("shares", [])]
        self.process = None
        self.monitor = None
        self.boot_seconds = None

    # Starting.

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.disconnect()
        if self.monitor:
            self.monitor.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def say(self, text):
        self.options.get("progress", lambda _: None)(text)

    def start(self):
        check_shares(path for path, _ in self.shares)
        image = tool(*self.IMAGE)
        tree, build = QEMUS[self.options.get("qemu", "stock")]
        tool("tools/tree", "path", tree)
        program = tool(build) if build else "qemu-system-x86_64"
        self.prepare(image)
        self.say("starting QEMU")
        started = time.monotonic()
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(ROOT, "tools/tree"), "run", tree, "env",
                 *("%s=%s" % item for item in self.environment().items()),
                 # It does not outlive this process, whatever ends that.
                 "setpriv", "--pdeathsig", "KILL", program, *self.arguments(image)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "VIADUCT_TREE_BIND": ":".join(path for path, _ in self.shares)})
        self.wait_for(lambda: os.path.exists(self.path("port")), 120, "QEMU's start")
        self.monitor = Qmp(self.path("monitor"))
        self.connect(self.path("port"))
        self.wait_up()
        self.boot_seconds = time.monotonic() - started
        self.say("the guest is up after %.0f s" % self.boot_seconds)

    def prepare(self, _):
        """Copies what QEMU reads while it runs."""
        for part in (*LIBRARY, *FILES[self.options.get("qemu", "stock")]):
            shutil.copy(os.path.join(self.build, part), self.folder.name)

    def environment(self):
        environment = {"VIADUCT_GPU": self.options.get("gpu", "sim:renoir"),
                       # A simulated GPU of its own.
                       "VIADUCT_SIMGPU_INSTANCE": os.path.basename(self.folder.name),
                       "LD_LIBRARY_PATH": self.folder.name}
        # QEMU's own GL needs a render node, or else a window: here one without a screen.
        if not self.has_render_node():
            environment["SDL_VIDEODRIVER"] = "offscreen"
        environment.update(self.options.get("environment", {}))
        return environment

    @staticmethod
    def has_render_node():
        return os.path.isdir("/dev/dri") and any(
            name.startswith("renderD") for name in os.listdir("/dev/dri"))

    def arguments(self, image):
        arguments = [*self.machine(), "-nodefaults", "-no-user-config", *self.boot(image),
                     "-serial", "file:" + self.path("console.log"),
                     "-qmp", "unix:%s,server=on,wait=off" % self.path("monitor"),
                     "-device", "virtio-serial-pci", *self.devices()]
        for number, (path, mode) in enumerate(self.shares):
            arguments += share_argument(number, path, mode)
        return arguments + self.options.get("arguments", [])

    def machine(self):
        accelerator = self.options.get("accelerator", "tcg")
        return ["-machine", "q35,memory-backend=memory",
                # Translated code is kept up to a gigabyte unless told otherwise.
                "-accel", "tcg,tb-size=64" if accelerator == "tcg" else accelerator,
                "-object", "memory-backend-memfd,id=memory,size=2G,share=on",
                "-cpu", "host" if accelerator == "kvm" else self.options.get("cpu", "max"),
                "-smp", "2"]

    def boot(self, image):
        return ["-kernel", os.path.join(image, "vmlinuz"),
                "-initrd", self.initrd(image),
                "-append", "console=ttyS0 loglevel=5 panic=1 " + shares_argument(self.shares),
                *disk_argument(os.path.join(image, "root.squashfs"))]

    def initrd(self, image):
        """The image's; what follows it in the same file replaces files of it
        (Documentation/driver-api/early-userspace/buffer-format.rst)."""
        initrd = os.path.join(image, "initrd.img")
        if "modules" not in self.options:
            return initrd
        folder = self.path("more/modules")
        shutil.copytree(self.options["modules"], folder)
        names = "".join("modules/%s\n" % name for name in os.listdir(folder))
        more = subprocess.run(["cpio", "--quiet", "--create", "--format=newc", "--owner=0:0"], input=names.encode(),
                              stdout=subprocess.PIPE, cwd=self.path("more"), check=True).stdout
        with open(initrd, "rb") as file, open(self.path("initrd.img"), "wb") as both:
            shutil.copyfileobj(file, both)
            both.write(gzip.compress(more))
        return both.name

    def devices(self):
        return [*port_argument("port", self.path("port")),
                "-device", self.options.get("device", self.DEVICE),
                "-display", self.options.get(
                    "display", "egl-headless" if self.has_render_node() else "sdl,gl=on")]

    # What it holds.

    def processes(self):
        """QEMU, its children, and the renderer's workers. Those are nobody's children: they are
        known by their program, which this machine has a copy of."""
        ours = {self.process.pid}
        for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
            try:
                program = os.readlink("/proc/%s/exe" % name)
                if self.parent(name) in ours or self.path("viaduct-worker") in program:
                    ours.add(int(name))
            except OSError:
                continue  # another user's, or gone
        return ours

    @staticmethod
    def parent(process):
        """proc(5), stat."""
        with open("/proc/%s/stat" % process, encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])

    def holdings(self):
        return Holdings(self.processes())

    # Waiting.

    def wait_for(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise Failure("QEMU ended with %d before %s:\n%s"
                              % (self.process.returncode, what, self.log("qemu.log")))
            if time.monotonic() > deadline:
                raise Failure("%s took more than %d s:\n%s" % (what, seconds, self.logs()))
            time.sleep(0.05)

    def logs(self):
        return self.log("qemu.log") + self.log("console.log")

    def log(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()
