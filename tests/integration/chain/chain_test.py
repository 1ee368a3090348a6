#!/usr/bin/env python3
"""The whole chain: stock Mesa, guest layer, loopback, renderer, native context, simulated GPU.

    chain_test.py BUILD CASE GPU

One case per run, on one GPU of GPUS. Beside what the guest's program itself checks, each case looks
at the server's report: the work went through it, every fence was signalled, and nothing is left behind.
"""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

SKIPPED = 77  # meson
TIMEOUT = 240
SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


class Gpu(NamedTuple):
    """A simulated GPU, and as much of the guest's tests as its drivers can do on it."""
    drivers: str      # of Vulkan's; a CPU driver would pass every test, and test nothing
    vulkan_name: str  # as vulkaninfo has it
    gles_name: str
    tree: str = ""    # where the Mesa is, if it is not the machine's own
    variables: dict = {}
    vulkan: str = "*"  # filters: all that runs on it,
    copies: str = "Transfer*:Queues*"  # what moves many bytes,
    one: str = "*65536B"  # and a few cases of that
    gles: str = "*"
    hang: str = "hang:nth=1"  # into the first of its copies or fills


# Intel's GPUs do not draw yet, and so copy with their copy engine. Mesa tries each queue once.
INTEL = Gpu(
    drivers="*intel*", vulkan_name="Intel(R)", gles_name="Mesa Intel", tree="trixie",
    variables={"ANV_QUEUE_OVERRIDE": "b=1"},
    vulkan="Arithmetic.Float32:Compute.Atomics/Graphics:Compute.LocalMemoryAndBarriers/Graphics:"
           "Queues.ThousandSubmissionsInFlight:Transfer.*/Transfer*",
    copies="Transfer.*/Transfer*", one="Transfer.*/Transfer65536B", gles="Gles.ComputeWithAUniform")
GPUS = {
    "sim:renoir": Gpu(drivers="*radeon*", vulkan_name="RADV RENOIR", gles_name="AMD"),
    "sim:tgl": INTEL._replace(hang="hang:ring=copy:every=2"),
    "sim:tgl-xe": INTEL._replace(hang="hang:ring=bcs:every=2"),
}


class Chain:
    def __init__(self, build, folder, gpu):
        self.build = build
        self.folder = folder
        self.gpu = gpu
        self.can = GPUS[gpu]
        self.stats = os.path.join(folder, "stats.json")
        self.loopback = [self.path("tests/loopback/viaduct-loopback")]
        if self.can.tree:
            self.loopback = [os.path.join(SOURCE, "tools/tree"), "run", self.can.tree, "env",
                             "LD_PRELOAD=" + os.environ.get("VIADUCT_SANITIZER", ""), *self.loopback]
        self.environment = dict(os.environ, VK_LOADER_DRIVERS_SELECT=self.can.drivers,
                                VIADUCT_TREE_BIND=build, **self.can.variables)
        # A simulated device of one's own: tests run beside each other.
        self.environment["VIADUCT_SIMGPU_INSTANCE"] = "chain-%d" % os.getpid()

    def path(self, relative):
        return os.path.join(self.build, relative)

    def vulkan(self, cases=None, *arguments):
        return [self.path("tests/guest/viaduct-guest-vulkan"),
                "--gtest_filter=" + (cases or self.can.vulkan), *arguments]

    def gles(self, cases=None):
        return [self.path("tests/guest/viaduct-guest-gles"),
                "--gtest_filter=" + (cases or self.can.gles)]

    def run(self, command, gpu=None, options=(), **variables):
        """Runs one command on a server of its own; its output, and the server's report."""
        done = subprocess.run(
            [*self.loopback, "--gpu", gpu or self.gpu, "--layer", "--stats", self.stats, *options, "--",
             *command],
            env=dict(self.environment, **variables), stdout=subprocess.PIPE, timeout=TIMEOUT, text=True)
        sys.stdout.write(done.stdout)
        check(done.returncode == 0, "%s ended with %d" % (command[0], done.returncode))
        return done.stdout, self.report()

    def report(self, suffix=""):
        with open(self.stats + suffix, encoding="utf-8") as file:
            return json.load(file)

    def start(self, server, command):
        return subprocess.Popen(
            [*self.loopback, "--layer", "--connect", server.path, "--", *command],
            env=self.environment, stdout=subprocess.PIPE, text=True)


class Server:
    """A server for several commands, which lives until finish()."""

    def __init__(self, chain):
        self.path = os.path.join(chain.folder, "socket")
        self.lifeline, servers_end = socket.socketpair()
        with servers_end:
            self.process = subprocess.Popen(
                [*chain.loopback, "--gpu", chain.gpu, "--stats", chain.stats, "--serve", self.path,
                 "--lifeline-fd", str(servers_end.fileno())],
                env=chain.environment, pass_fds=[servers_end.fileno()])
        check(self.lifeline.recv(1) == b"R", "the server did not start")

    def finish(self):
        self.lifeline.close()
        check(self.process.wait(timeout=TIMEOUT) == 0, "the server failed")


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def wait_for_line(stream, text):
    for line in stream:
        if text in line:
            return
    raise AssertionError("no line with " + text)


def check_report(report):
    device = report["device"]
    check(device["contexts_created"] > 0, "no context was created: %s" % device)
    # Of fences there may be none: a guest whose requests pass the monitor looks for their end.
    check(device["submissions"] > 0, "nothing was submitted: %s" % device)
    check(device["resources_alive"] == 0, "resources are left: %s" % device)
    start, end = report["process"]["start"], report["process"]["end"]
    for name, count in end.items():
        check(count <= start[name], "%s leaked: %s" % (name, report["process"]))


def check_all_signalled(report):
    device = report["device"]
    # Those that nothing waits for may retire behind the end of their file.
    check(device["fence_callbacks"] >= device["fences_created"],
          "fences were lost: %s" % device)


def case_vulkaninfo(chain):
    output, report = chain.run(["vulkaninfo", "--summary"])
    check(chain.can.vulkan_name in output, "no " + chain.can.vulkan_name)
    check(report["device"]["contexts_created"] > 0, "no context was created")


def case_vulkan(chain):
    _, report = chain.run(chain.vulkan())
    check_report(report)
    check_all_signalled(report)


def case_vulkan_vega10(chain):
    output, report = chain.run(chain.vulkan(chain.can.one), gpu="sim:vega10")
    check("VEGA10" in output, "no VEGA10")
    check_report(report)


def case_vulkan_map(chain):
    """As older machine monitors: resource_map only."""
    _, report = chain.run(chain.vulkan(chain.can.one), options=["--no-map-fixed"])
    check("virgl_renderer_resource_map" in report["api"], "resource_map was not called")
    check_report(report)


def case_vulkan_callbacks_v3(chain):
    """As crosvm: version 3 of the callbacks, and USE_EGL among the flags."""
    _, report = chain.run(chain.vulkan(chain.can.one),
                          options=["--callbacks-version", "3", "--init-flags", str(0x583)])
    check_report(report)


def case_gles(chain):
    output, report = chain.run(chain.gles())
    check("renderer: " + chain.can.gles_name in output, "not " + chain.can.gles_name)
    check_report(report)


def case_foreign_library(chain):
    """A library that knows only render nodes gets one from libviaduct-simgpu.so."""
    library = os.path.join(chain.folder, "libvirglrenderer.so.1")
    shutil.copy(chain.path("renderer/libvirglrenderer.so.1"), library)
    # That node is there for the preloaded process only.
    chain.environment["VIADUCT_ISOLATION"] = "thread"
    _, report = chain.run(chain.vulkan(chain.can.one), options=["--library", library])
    check(report["library"] == library, "another library was loaded")
    check_report(report)


def case_hang(chain):
    chain.environment["VIADUCT_SIMGPU_INJECT"] = chain.can.hang
    chain.environment["VIADUCT_SIMGPU_HANG_MS"] = "200"
    chain.environment["VIADUCT_GUEST_EXPECT"] = "device-lost"
    _, report = chain.run(chain.vulkan("*AHangLosesTheDevice"))
    check_report(report)


def case_hang_in_another_vm(chain):
    """A guest of one VM hangs a ring of the GPU, which holds up everybody behind it until the
    kernel's time-out. The programs of another VM wait, and end with the right bytes."""
    chain.environment["VIADUCT_SIMGPU_HANG_MS"] = "3000"
    with subprocess.Popen(
            [*chain.loopback, "--gpu", chain.gpu, "--layer", "--",
             *chain.vulkan("*AHangLosesTheDevice")],
            env=dict(chain.environment, VIADUCT_SIMGPU_INJECT=chain.can.hang,
                     VIADUCT_GUEST_EXPECT="device-lost"),
            stdout=subprocess.PIPE, text=True) as doomed:
        try:
            wait_for_line(doomed.stdout, "[ RUN")
            check(doomed.poll() is None, "the hang was over before the test could wait for it")
            while True:
                run_neighbours(chain)
                if doomed.poll() is not None:
                    break
            output, _ = doomed.communicate(timeout=TIMEOUT)
        finally:
            doomed.kill()
    check(doomed.returncode == 0, "the guest that hung: " + output)


def run_neighbours(chain):
    for program in chain.vulkan(chain.can.vulkan + "-Trouble.*"), chain.gles():
        _, report = chain.run(program)
        check_report(report)
        check_all_signalled(report)
        calls = {name: call["longest_ns"] for name, call in report["api"].items()
                 if name != "virgl_renderer_init"}
        longest = max(calls, key=calls.get)
        print("longest call: %s, %.1f ms" % (longest, calls[longest] / 1e6))


def case_memory_limit(chain):
    """A guest limited to 256 MiB sees them, and is refused beyond; its neighbour on the same GPU
    does not notice, and `viaduct` shows both."""
    chain.environment["XDG_RUNTIME_DIR"] = chain.folder
    neighbour = subprocess.Popen(
        [*chain.loopback, "--gpu", chain.gpu, "--layer", "--", *chain.vulkan(chain.can.copies)],
        env=dict(chain.environment, VIADUCT_VM_NAME="neighbour"), stdout=subprocess.PIPE, text=True)
    chain.environment["VIADUCT_GPU_MEMORY"] = "256M"
    chain.environment["VIADUCT_VM_NAME"] = "limited"
    chain.environment["VIADUCT_GUEST_EXPECT"] = "memory-limit"
    tool = chain.path("tools/viaduct/viaduct")
    look = '"$@"; status=$?; for c in "top --once -d 0.1" "stats" "stats --prometheus"; do ' + \
        tool + " $c || exit 9; done; exit $status"
    output, report = chain.run(
        ["sh", "-c", look, "sh", *chain.vulkan("*ABudgetOfMemory*")])
    check("[  PASSED  ] 1 test" in output, "the test did not run")
    check("256M" in output and "limited" in output, "viaduct does not show the limited VM")
    check('viaduct_vm_memory_limit_bytes{vm="limited"' in output, "stats do not show the limit")
    check_report(report)
    output, _ = neighbour.communicate(timeout=TIMEOUT)
    check(neighbour.returncode == 0, output)


def case_two_gpus(chain):
    """One guest with an AMD and an Intel GPU, each behind a process and library of its own, as
    vhost-user devices are. Every program finds the one it wants, and `viaduct` names both."""
    chain.environment.update(
        VK_LOADER_DRIVERS_SELECT="*radeon*,*intel*", XDG_RUNTIME_DIR=chain.folder,
        VIADUCT_VM_NAME="mixed",
        # A queue of anv's that does not draw its copies.
        ANV_QUEUE_OVERRIDE="gc=1,c=1")
    both = ["--gpu", "sim:tgl"]
    output, _ = chain.run(["vulkaninfo", "--summary"], options=both)
    check("RADV RENOIR" in output and "Intel(R)" in output, "vulkaninfo lacks one")
    for program in (chain.vulkan("Compute.*/Compute"), chain.gles(INTEL.gles)):
        for device in "AMD", "Intel":
            output, report = chain.run(program, options=both, VIADUCT_GUEST_DEVICE=device)
            reports = {"AMD": report, "Intel": chain.report(".2")}
            check(re.search(r"^(device|renderer): .*" + device, output, re.MULTILINE), "not " + device)
            check_report(reports[device])
            check_all_signalled(reports[device])
            # Drivers look at both.
            for one in reports.values():
                check(one["device"]["resources_alive"] == 0, "resources are left: %s" % one)
    check_figures_of_both(chain, both)


def check_figures_of_both(chain, both):
    tool = chain.path("tools/viaduct/viaduct")
    look = " && ".join(tool + command for command in (" stats", " top --once -d 0.1",
                                                      " stats --prometheus"))
    output, _ = chain.run(["sh", "-c", look], options=both)
    for gpu, driver in ("renoir", "amdgpu"), ("tgl", "i915"):
        check(re.search(r"^mixed \(process \d+\) on simulated %s$" % gpu, output, re.MULTILINE),
              "viaduct stats does not name " + gpu)
        check(re.search(r'^viaduct_vm_info{vm="mixed".*gpu="simulated %s",driver="%s"' % (gpu, driver),
                        output, re.MULTILINE), "the metrics do not name " + gpu)
        check(re.search(r"^mixed +\d+ .* simulated %s$" % gpu, output, re.MULTILINE),
              "viaduct top does not name " + gpu)


def case_two_guests(chain):
    """Two at once on one server; both finish."""
    server = Server(chain)
    guests = [chain.start(server, chain.vulkan(chain.can.copies))
              for _ in range(2)]
    for guest in guests:
        output, _ = guest.communicate(timeout=TIMEOUT)
        check(guest.returncode == 0, output)
    server.finish()
    check_report(chain.report())


def case_killed_guest(chain):
    """One guest is killed in mid-work; the other and the server do not notice."""
    server = Server(chain)
    survivor = chain.start(server, chain.vulkan(chain.can.copies, "--gtest_repeat=3"))
    for _ in range(5):
        # The guest itself, without a runner between: its death is the one that counts.
        victim = chain.start(server, ["sh", "-c", 'echo $$; exec "$@"', "sh",
                                      *chain.vulkan(None, "--gtest_repeat=100")])
        pid = int(victim.stdout.readline())
        wait_for_line(victim.stdout, "[ RUN")
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        victim.communicate(timeout=TIMEOUT)
        check(victim.returncode == 128 + signal.SIGKILL, "it ended otherwise")
    output, _ = survivor.communicate(timeout=TIMEOUT)
    check(survivor.returncode == 0, output)
    server.finish()
    check_report(chain.report())


def main():
    build, name, gpu = sys.argv[1:]
    tree = GPUS[gpu].tree
    if tree and subprocess.run([os.path.join(SOURCE, "tools/tree"), "have", tree], check=False).returncode:
        print("skipped, since tools/tree path %s has not made that tree" % tree)
        return SKIPPED
    if not tree and not glob.glob("/usr/share/vulkan/icd.d/radeon_icd*.json"):
        print("no radv here (Debian package mesa-vulkan-drivers)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="viaduct-chain-") as folder:
        globals()["case_" + name](Chain(build, folder, gpu))
    return 0


if __name__ == "__main__":
    sys.exit(main())
