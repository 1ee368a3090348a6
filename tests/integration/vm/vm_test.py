#!/usr/bin/env python3
"""Real virtual machines: QEMU with this build's library, and a Debian 13 guest.

    vm_test.py BUILD CASE [QEMU]

One machine per case; QEMU is a key of vm.QEMUS. What must hold is looked at from both sides: what
the guest's programs say, and what QEMU and the renderer's workers hold.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/lib"))

import vm  # noqa: E402

SKIPPED = 77  # meson
DEVICE = vm.VirtualMachine.DEVICE
QEMU = "stock"
# A leak shows after a few: no descriptor, thread or mapping more is allowed. VIADUCT_VM_TESTS=long
# asks for more.
LONG = os.environ.get("VIADUCT_VM_TESTS") == "long"
RESETS = {"stock": 30 if LONG else 9, "patched": 9 if LONG else 3}
STARTS = {"stock": 200 if LONG else 40, "patched": 40 if LONG else 10}


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


class Guest:
    """A running machine, and what the cases do in it."""

    def __init__(self, build, machine, driver):
        self.build = build
        self.machine = machine
        self.driver = driver

    def program(self, relative, *arguments):
        return " ".join([shlex.quote(os.path.join(self.build, relative)), *arguments])

    def vulkan(self, *arguments):
        return self.program("tests/guest/viaduct-guest-vulkan", "--gtest_brief=1", *arguments)

    def gles(self, *arguments):
        return self.program("tests/guest/viaduct-guest-gles", "--gtest_brief=1", *arguments)

    def script(self, text):
        # No device but a Radeon will do; radv offers a transfer queue only when asked.
        return (self.driver.script +
                "export VIADUCT_GUEST_DEVICE=AMD RADV_PERFTEST=transfer_queue\n" + text)

    def try_to(self, text, seconds=900):
        """Runs a script; its exit status, and what it printed."""
        status, output = self.machine.run(self.script(text), seconds)
        print("$ %s\n%s[%d]" % (text, output, status), flush=True)
        return status, output

    def run(self, text, seconds=900):
        """Runs a script that must succeed; what it printed."""
        status, output = self.try_to(text, seconds)
        check(status == 0, "%s ended with %d" % (text, status))
        return output

    def works(self):
        self.run(self.vulkan("--gtest_filter=*65536B"))

    def settle_at(self, before):
        """Guests go at once, what is theirs on the host a little later."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            after = self.machine.holdings()
            if after.fits(before):
                print("QEMU holds %s" % after)
                return
            time.sleep(0.2)
        raise AssertionError("QEMU held %s, now %s" % (before, after))


def start(build, mesa="layer", **options):
    driver = vm.GuestDriver(mesa, build, options.get("gpu", "sim:renoir"))
    machine = vm.VirtualMachine(build, qemu=QEMU, shares=driver.shares, progress=print, **options)
    return Guest(build, machine, driver)


def case_programs(build):
    """What a user does first: look, then draw."""
    guest = start(build)
    with guest.machine:
        output = guest.run("vulkaninfo --summary")
        check("RADV RENOIR" in output, "the host's GPU is not named")
        output = guest.run(guest.program("tools/demo-program/viaduct-demo", "--width=320",
                                         "--height=240", "--frames=2"))
        check("all 614400 bytes correct" in output, "not every byte is correct")


def case_package(build):
    """The guest layer's package: what is offered; a program with it, a session, and neither."""
    guest = start(build)
    machine = guest.machine
    plain = guest.driver.script.partition("export")[0]  # installs it, and sets nothing
    with machine:
        for script, expected in (
                (plain + "viaduct-run --check", "the host's GPU                   amdgpu 3."),
                ("viaduct-run vulkaninfo --summary", "RADV RENOIR"),
                # As environment.d(5) has it, where "$$" is a "$".
                ("set -a; eval \"$(sed 's/[$][$]/\\\\$/g' "
                 "/usr/lib/environment.d/60-viaduct-guest.conf)\"\nvulkaninfo --summary\n"
                 "viaduct-run --check", "RADV RENOIR")):
            status, output = machine.run(script)
            check(status == 0 and expected in output, "%s\n%s[%d]" % (script, output, status))
        for script, expected in (("viaduct-run sh -c 'exit 9'", 9), ("viaduct-run /nowhere", 127),
                                 ("viaduct-run /etc/passwd", 126), ("viaduct-run --what", 125)):
            status, _ = machine.run(script)
            check(status == expected, "%s: %d" % (script, status))
        status, output = machine.run("dpkg --purge viaduct-guest && vulkaninfo --summary")
        check(status == 0 and "RADV" not in output, "it is still there:\n" + output)
    guest = start(build, device="virtio-vga-gl")
    with guest.machine:
        status, output = guest.machine.run(plain + "viaduct-run --check")
        check(status == 1, "nothing is offered, but the check passes")
        for remedy in ("blob=on", "hostmem=", "drm_native_context=on"):
            check(remedy in output, "%s is not told:\n%s" % (remedy, output))


def case_layer(build):
    """Stock Mesa with the guest layer, on the other device model."""
    guest = start(build, device=DEVICE.replace("virtio-vga-gl", "virtio-gpu-gl-pci"))
    with guest.machine:
        guest.run(guest.vulkan())
        guest.run(guest.gles())
        log = guest.machine.log("qemu.log")
        check("jail refuses" not in log, "a worker lacks a system call:\n" + log)


def case_releases(build):
    """The layer with the Mesa of Debian 12 (this machine's, mostly), and with the newest one."""
    for source in ("host", "trixie-backports"):
        guest = start(build, mesa="layer:" + source)
        with guest.machine:
            guest.run("vulkaninfo --summary | grep driverInfo")
            guest.run(guest.vulkan())
            guest.run(guest.gles())


def case_intel(build):
    """The simulated Tiger Lake with each of its kernel drivers, for anv and iris. What they draw for
    (copies, on the graphics queue) is not simulated."""
    for gpu in ("sim:tgl", "sim:tgl-xe"):
        guest = start(build, gpu=gpu)
        intel = "VIADUCT_GUEST_DEVICE=Intel "
        with guest.machine:
            guest.run(intel + "vulkaninfo --summary | grep driverInfo")
            guest.run(intel + guest.vulkan("--gtest_filter=Arithmetic.Float32:Compute.Atomics/Graphics:"
                                         "Compute.LocalMemoryAndBarriers/Graphics"))
            guest.run(intel + guest.gles("--gtest_filter=Gles.ComputeWithAUniform"))
            log = guest.machine.log("qemu.log")
            check("jail refuses" not in log, "a worker lacks a system call:\n" + log)


def case_window(build):
    """A window for mappings that a program fills: what does not fit is refused, the rest works."""
    guest = start(build, device=DEVICE.replace("hostmem=1G", "hostmem=16M"))
    with guest.machine:
        guest.run("VIADUCT_GUEST_EXPECT=small-window " +
                  guest.vulkan("--gtest_filter=Trouble.AFullWindow*"))
        guest.works()


def case_virtio(build):
    """Mesa's own back ends. They learn neither of a failed allocation nor of a lost context, a child
    goes on with its parent's command stream, and virtio-gpu has no modifiers."""
    guest = start(build, mesa="virtio")
    with guest.machine:
        guest.run(guest.vulkan("--gtest_filter=-Trouble.*:Fork.*"))
        guest.run(guest.gles("--gtest_filter=-Modifiers.*"))


def case_neighbours(build):
    """Several programs at once: one is killed in mid-work, one stands still, the others go on."""
    guest = start(build)
    forever = guest.vulkan("--gtest_filter=-Trouble.*", "--gtest_repeat=1000")
    with guest.machine:
        guest.works()
        before = guest.machine.holdings()
        guest.run("%s & first=$!; %s & wait $first && wait $!" % (2 * (guest.vulkan(),)))
        guest.settle_at(before)
        guest.run("%s >/dev/null 2>&1 & victim=$!; sleep 3; %s & neighbour=$!; sleep 1; "
                  "kill -KILL $victim; wait $neighbour" % (forever, guest.vulkan()))
        guest.settle_at(before)
        guest.run("%s >/dev/null 2>&1 & still=$!; sleep 3; kill -STOP $still; %s; status=$?; "
                  "kill -CONT $still; sleep 1; kill -0 $still && kill $still; exit $status"
                  % (forever, guest.vulkan()))
        guest.settle_at(before)
        # All of the guest stands still, in the middle of its work.
        machine = guest.machine
        machine.send(guest.script(guest.vulkan()))
        time.sleep(2)
        machine.monitor.execute("stop")
        time.sleep(3)
        machine.monitor.execute("cont")
        status, output = machine.finish()
        check(status == 0, "it did not go on:\n" + output)
        guest.settle_at(before)


def case_worker(build):
    """A worker that dies takes its context along: not QEMU, and no other program's."""
    guest = start(build)
    machine = guest.machine
    with machine:
        guest.works()
        before = machine.holdings()
        # One submission at a time: what a driver does that waits for a thousand is its own affair.
        forever = guest.vulkan("--gtest_filter=Transfer.*", "--gtest_repeat=1000",
                               "--gtest_catch_exceptions=0")
        machine.send(guest.script("%s >/tmp/log 2>&1 && exit 1; tail -n 3 /tmp/log" % forever))
        # Whether the guest is quick or slow: it works until its worker is killed.
        machine.wait_for(lambda: workers_of(machine), 120, "a worker's start")
        time.sleep(3)
        for worker in workers_of(machine):
            os.kill(worker, signal.SIGKILL)
        status, output = machine.finish()
        check(status == 0, "the program did not notice:\n" + output)
        guest.works()
        guest.settle_at(before)


def workers_of(machine):
    """The workers, one for each context, by the name that they give themselves."""
    return [process for process in machine.processes() if comm(process).startswith("vw:")]


def comm(process):
    try:
        with open("/proc/%d/comm" % process, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""  # it has just ended


def check_virgl(machine):
    """kmscube draws on the guest's screen. It ends when it can read its input: here, never."""
    status, output = machine.run("mkfifo /run/quiet 2>/dev/null\n"
                                 "timeout 60 kmscube --count=20 <>/run/quiet")
    check(status == 0 and "virgl" in output, "kmscube does not run on virgl:\n" + output)


def case_handover(build):
    """virgl and Venus through our library, beside a native context, and sharing its memory."""
    guest = start(build, device=DEVICE + ",venus=on")
    machine = guest.machine
    with machine:
        check_virgl(machine)
        _, output = machine.run("export VK_DRIVER_FILES=/usr/share/vulkan/icd.d/virtio_icd.json\n"
                                "vulkaninfo --summary")
        check("Virtio-GPU Venus" in output, "there is no Venus:\n" + output)
        guest.run("env -u LD_PRELOAD kmscube --count=200 <>/run/quiet >/dev/null & cube=$!\n"
                  "%s && wait $cube" % guest.vulkan())
        output = guest.run(guest.program("tests/guest/viaduct-guest-mixed"))
        check("virgl" in output and "bytes correct" in output, "virgl does not see native memory")


def case_fallback(build):
    """A guest without a driver for native contexts goes on with virgl, and the log says so once."""
    guest = start(build, mesa="stock")
    machine = guest.machine
    with machine:
        check("uses virgl" not in machine.log("qemu.log"), "the guest's console counts, too")
        for _ in range(2):
            check_virgl(machine)
        log = machine.log("qemu.log")
        print(log)
        check(log.count("uses virgl") == 1, "the log does not say it once")


def case_record(build):
    """What QEMU was asked is recorded, and replayed without it."""
    with tempfile.TemporaryDirectory(prefix="record-", dir=build) as folder:
        path = os.path.join(folder, "recording")
        os.environ["VIADUCT_RECORD"] = path
        guest = start(build)
        with guest.machine:
            guest.works()
            guest.run(guest.program("tests/guest/viaduct-guest-mixed"))  # half of it is virgl's
        for isolation in ("process", "thread"):
            replay = subprocess.run(
                [os.path.join(build, "tools/viaduct/viaduct"), "replay", "--isolation=" + isolation,
                 path], stdout=subprocess.PIPE, text=True, check=False)
            print(replay.stdout, flush=True)
            check(replay.returncode == 0, "the replay differs")
            compared = int(re.search(r"and (\d+) bytes of buffers", replay.stdout)[1])
            check(compared > 65536, "results were not recorded")


def case_starts(build):
    """Two series of starts of a program, side by side, leave nothing behind."""
    guest = start(build)
    with guest.machine:
        guest.works()
        before = guest.machine.holdings()
        program = guest.vulkan("--gtest_filter=Transfer.Fill/Graphics65536B", ">/tmp/log.$$ 2>&1")
        guest.run("series() { for i in $(seq %d); do %s || return 1; done; }\n"
                  "series & series && wait $!" % (STARTS[QEMU], program), seconds=3000)
        guest.settle_at(before)


def case_reboots(build):
    """Resets of the device under a guest that works: QEMU holds afterwards what it held."""
    guest = start(build)
    machine = guest.machine
    with machine:
        def reset(how):
            # Programs that are in the middle of their work.
            machine.send(guest.script("%s >/dev/null 2>&1 & sleep 2; echo busy" % guest.vulkan(
                "--gtest_filter=-Trouble.*", "--gtest_repeat=1000")))
            check("busy" in machine.finish()[1], "it did not start")
            how()
            machine.wait_up()

        def crash():
            machine.send("echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger")

        ways = {
            "reboot": lambda: machine.send("busybox reboot -f"),
            "crash": crash,
            "system_reset": lambda: machine.monitor.execute("system_reset"),
        }
        reset(ways["reboot"])
        guest.works()
        before = machine.holdings()
        for number in range(RESETS[QEMU]):
            name = list(ways)[number % len(ways)]
            print("reset %d: %s" % (number + 1, name), flush=True)
            reset(ways[name])
        guest.works()
        guest.settle_at(before)


# What a case needs beside QEMU and the guest, as the command that says whether it is there.
NEEDS = {
    "releases": ["tools/tree", "have", "trixie-backports"],
    "virtio": ["guest-mesa/mesa/build", "have"],
}


def main():
    global QEMU
    build, name = sys.argv[1:3]
    if len(sys.argv) > 3:
        QEMU = sys.argv[3]
    # Tests do not make trees; tools/test --vm does.
    if not vm.is_made(QEMU, *filter(None, [NEEDS.get(name)])):
        print("the %s QEMU, the guest or its Mesa is not made (tools/test --vm makes all)" % QEMU)
        return SKIPPED
    globals()["case_" + name](build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
