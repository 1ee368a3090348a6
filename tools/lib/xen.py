"""Xen for tools/vm --xen and tests/integration/xen: a PV dom0 on QEMU's emulated processor with nested
SVM, and HVM domains with the configuration that docs/xen.md shows. Both come from guest-mesa/image/.

    with Host(build) as host, Domain(host) as domain:
        status, output = domain.run("vulkaninfo --summary")
"""

import ast
import gzip
import json
import os
import re
import shlex
import subprocess
import time

from cli import Failure
from holdings import Holdings
from session import Session
import vm

PAGE = os.path.join(vm.ROOT, "docs/xen.md")
DOM0 = ("guest-mesa/image/build", "dom0")
LIBRARIES = os.path.dirname(os.path.abspath(__file__))
# In dom0: sockets, configurations and logs of domains.
RUN = "/run/domains"


def is_made():
    """Whether all that tests need is there: they make nothing."""
    return vm.is_made("patched", [*DOM0, "have"])


def documented(heading):
    """The first block of that part of the page."""
    with open(PAGE, encoding="utf-8") as file:
        part = re.search(r"^## %s\n(.*?)(?=^## )" % heading, file.read(), re.MULTILINE | re.DOTALL)
    block = part and re.search(r"^```\w*\n(.*?)^```", part[1], re.MULTILINE | re.DOTALL)
    if not block:
        raise Failure("%s has no block below \"%s\"" % (PAGE, heading))
    return block[1]


def documented_domain():
    """The settings of a domain that the page shows; xl.cfg(5) looks like Python there."""
    return {item.targets[0].id: ast.literal_eval(item.value)
            for item in ast.parse(documented("The domain")).body}


def documented_users():
    """The script that makes users for device models, alice and bob."""
    return documented("A user for each domain")


def as_configuration(settings):
    """xl.cfg(5): strings, numbers and lists look as in JSON."""
    return "".join("%s = %s\n" % (name, json.dumps(value)) for name, value in settings.items())


class Host(vm.VirtualMachine):
    """The emulated machine with Xen; scripts run in its dom0. Options: those of VirtualMachine, as far
    as they are not about a GPU, and domains: how many may run at once (2)."""

    IMAGE = DOM0
    HYPERVISOR = "boot/xen-4.20-amd64.gz"
    # Nested SVM, without what Xen or Linux would use of it and QEMU does not emulate.
    PROCESSOR = "EPYC,+svm,+npt,-monitor,-rdtscp"
    MIB, DOM0_MIB = 5632, 2304
    # By default Xen leaves another domain's vector registers where they are, with CR0.TS set, until
    # something raises #NM. QEMU's emulated XSAVE and XRSTOR do not (10.0 and 11.1), so dom0's kernel
    # saves and loads the wrong ones when it switches processes: memory that they copy, the
    # allocator's lists for one, is then wrong in any process.
    REGISTERS = "spec-ctrl=eager-fpu"

    def __init__(self, build, **options):
        super().__init__(build, **{"qemu": "patched", **options})
        self.guest = self.qemu = None

    def start(self):
        if os.environ.get("VIADUCT_QEMU_SOURCE"):
            raise Failure("dom0 is a Debian 13 and runs QEMU 10.0: unset VIADUCT_QEMU_SOURCE")
        self.guest = vm.tool(*vm.VirtualMachine.IMAGE)
        self.qemu = vm.tool("qemu-patches/build")
        folders = [LIBRARIES, self.guest, os.path.dirname(os.path.realpath(self.guest_file("vmlinuz"))),
                   os.path.dirname(self.qemu)]
        self.shares += [(folder, "ro") for folder in folders]
        super().start()
        self.must_run(DOM0_START % {
            "run": RUN, "qemu": shlex.quote(self.qemu),
            "library": " ".join(shlex.quote(os.path.join(self.build, part))
                                for part in (*vm.LIBRARY, *vm.FILES["patched"]))})

    def guest_file(self, name):
        return os.path.join(self.guest, name)

    def prepare(self, image):
        """Unpacks the hypervisor, too."""
        super().prepare(image)
        packed = subprocess.run(
            ["unsquashfs", "-cat", os.path.join(image, "root.squashfs"), self.HYPERVISOR],
            check=True, stdout=subprocess.PIPE).stdout
        with open(self.path("xen"), "wb") as file:
            file.write(gzip.decompress(packed))

    def environment(self):
        # QEMU does not start without the library of its Wayland display.
        return {"LD_LIBRARY_PATH": self.folder.name, **self.options.get("environment", {})}

    def machine(self):
        processors = 1 + self.options.get("domains", 2)
        return ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", self.PROCESSOR,
                "-smp", "%d" % processors, "-m", "%dM" % self.MIB, "-no-reboot"]

    def boot(self, image):
        kernel = "%s console=hvc0 loglevel=5 mitigations=off %s" % (
            os.path.join(image, "vmlinuz"), vm.shares_argument(self.shares))
        return ["-kernel", self.path("xen"),
                "-append", "%s dom0_mem=%dM,max:%dM dom0_max_vcpus=1 dom0_vcpus_pin cpuidle=0 "
                "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning noreboot" % (
                    self.REGISTERS, self.DOM0_MIB, self.DOM0_MIB),
                # A comma ends a module.
                "-initrd", "%s,%s" % (kernel.replace(",", ",,"), os.path.join(image, "initrd.img")),
                *vm.disk_argument(os.path.join(image, "root.squashfs")),
                *vm.disk_argument(self.guest_file("root.squashfs"))]

    def devices(self):
        ports = vm.port_argument("port", self.path("port"))
        for number in range(1, self.options.get("domains", 2) + 1):
            ports += vm.port_argument("domain%d" % number, self.domain_port(number))
        return [*ports, "-display", "none"]

    def domain_port(self, number):
        return self.path("domain%d" % number)

    def holdings(self):
        """What dom0 holds, and what Xen does."""
        holdings = Holdings()
        holdings.counts = json.loads(self.must_run(
            # The toolstack's daemons grow with their first domain, whatever its device model is.
            "python3 -B %s/holdings.py oxenstored xenconsoled" % shlex.quote(LIBRARIES)).strip().splitlines()[-1])
        memory = dict(re.findall(r"(\w+_memory) *: ([0-9]+)", self.must_run("xl info")))
        holdings.counts["domains"] = len(self.must_run("xl list").splitlines()) - 1
        holdings.counts["MiB of domains"] = int(memory["total_memory"]) - int(memory["free_memory"])
        return holdings

    def must_run(self, script, seconds=300):
        """What the script prints; a Failure if it fails."""
        status, output = self.run(script, seconds)
        if status != 0:
            raise Failure("a command in dom0 ended with %d:\n%s\n%s" % (status, output, self.logs()))
        return output


# What an init system does in a dom0, and what docs/xen.md has people install.
DOM0_START = r"""
start() {
set -e
mkdir -p %(run)s /run/xen /run/xenstored /run/lock /var/lib/xen /var/lib/xenstored /var/log/xen/console
mount -t xenfs xenfs /proc/xen
tools=$(echo /usr/lib/xen-[0-9]*/bin)
"$tools/oxenstored" --pid-file /run/xenstored.pid
tries=0
until "$tools/xen-init-dom0"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || exit 1
    sleep 0.2
done
PATH=$PATH:$tools xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console

mkdir -p /opt/viaduct/bin /opt/viaduct/lib
cp %(library)s /opt/viaduct/lib
ln -s %(qemu)s /opt/viaduct/bin
echo /opt/viaduct/lib >/etc/ld.so.conf.d/000-viaduct.conf
ldconfig
}
(start) >/run/start.log 2>&1
status=$?
[ "$status" = 0 ] || cat /run/start.log
exit "$status"
"""


# In a domain. Linux asks for the capability sets once and waits for 5 s (virtgpu_kms.c). QEMU starts
# its GL, and the library, with the first command, which takes longer on a busy machine: then the
# driver is bound to its device again.
GPU_READY = r"""
cd /sys/bus/virtio/drivers/virtio_gpu || exit 1
if dmesg | grep -q 'timed out waiting for cap set'; then
    device=$(echo virtio*)
    echo "$device" >unbind && echo "$device" >bind || exit 1
    dmesg | tail -n 5
fi
[ -e /dev/dri/renderD128 ]
"""


class Domain(Session):
    """A running domain with the guest of tools/vm. Options, all keywords:

    number       from 1: which of the host's ports is its own
    gpu          VIADUCT_GPU (sim:renoir)
    environment  more variables for the device model
    shares       (directory, "ro" or "rw") of the host's shares, for the domain, too
    settings     more settings of its configuration, or others than the page has
    """

    MIB = 1024
    START_SECONDS = 600
    # A kernel that finds Xen asks it to unplug emulated disks, virtio's among them. Without a console
    # on the screen: llvmpipe would draw each of its lines on an emulated processor.
    CMDLINE = ("console=hvc0 loglevel=5 panic=1 noxsave mitigations=off xen_emul_unplug=never "
               "video=Virtual-1:d")

    def __init__(self, host, **options):
        super().__init__()
        self.host = host
        self.options = options
        self.number = options.get("number", 1)
        self.name = "guest%d" % self.number
        self.shares = [(host.build, "ro"), *options.get("shares", [])]
        self.device_model = None  # its process in dom0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.disconnect()
        try:
            # A case may go on after a domain that failed.
            self.host.run("xl destroy %s >/dev/null 2>&1" % self.name, 60)
        except (Failure, OSError):
            pass  # dom0 is gone or stuck: what led here says more

    def path(self, suffix):
        """In dom0."""
        return "%s/%s.%s" % (RUN, self.name, suffix)

    def settings(self):
        settings = documented_domain()
        settings.update(
            # dom0 has the first processor.
            name=self.name, memory=self.MIB, vcpus=1, cpus=str(self.number), kernel=self.host.guest_file("vmlinuz"),
            ramdisk=self.host.guest_file("initrd.img"), tsc_mode="native",
            cmdline=self.CMDLINE + " " + vm.shares_argument(self.shares),
            on_reboot="destroy", on_crash="destroy")
        arguments = settings["device_model_args"]
        arguments += vm.disk_argument("/dev/vdb") + ["-device", "virtio-serial-pci"]
        arguments += vm.port_argument("port", self.path("port"))
        for number, (path, mode) in enumerate(self.shares):
            arguments += vm.share_argument(number, path, mode)
        settings.update(self.options.get("settings", {}))
        return settings

    def environment(self):
        return {"VIADUCT_GPU": self.options.get("gpu", "sim:renoir"),
                **self.options.get("environment", {})}

    def start(self):
        started = time.monotonic()
        self.connect(self.host.domain_port(self.number))
        self.host.must_run("cat >%s <<'END'\n%sEND\nrm -f %s\n" % (
            self.path("cfg"), as_configuration(self.settings()), self.path("port")))
        self.host.must_run("%s xl create %s >%s 2>&1 </dev/null || { cat %s; exit 1; }\n" % (
            " ".join("%s=%s" % (name, shlex.quote(value))
                     for name, value in self.environment().items()),
            self.path("cfg"), self.path("xl"), self.path("xl")))
        self.host.must_run("setsid socat UNIX-CONNECT:%s /dev/vport*p%d >%s 2>&1 </dev/null &" % (
            self.path("port"), self.number + 1, self.path("socat")))
        self.device_model = int(self.host.must_run(
            "xenstore-read /local/domain/$(xl domid %s)/image/device-model-pid" % self.name))
        self.wait_up(self.START_SECONDS)
        status, output = self.run(GPU_READY, 120)
        if status != 0:
            raise Failure("%s has no GPU:\n%s\n%s" % (self.name, output, self.logs()))
        self.host.say("%s is up after %.0f s" % (self.name, time.monotonic() - started))

    def end(self, seconds=120):
        """Powers off."""
        self.send("busybox poweroff -f")
        self.wait_end(seconds)

    def destroy(self, seconds=60):
        self.host.must_run("xl destroy " + self.name)
        self.wait_end(seconds)

    def wait_end(self, seconds):
        """Until the domain is gone, and its device model."""
        status, _ = self.host.run("""for second in $(seq %d); do
    xl domid %s >/dev/null 2>&1 || [ -d /proc/%d ] || exit 0
    sleep 1
done
exit 1""" % (seconds, self.name, self.device_model), seconds + 60)
        if status != 0:
            raise Failure("%s is still there after %d s:\n%s" % (self.name, seconds, self.logs()))

    def is_there(self):
        return self.host.run("xl domid %s >/dev/null 2>&1" % self.name)[0] == 0

    def logs(self):
        return self.host.run("tail -n 40 %s /var/log/xen/qemu-dm-%s.log "
                             "/var/log/xen/console/guest-%s.log 2>&1"
                             % (self.path("xl"), self.name, self.name))[1] + self.host.logs()
