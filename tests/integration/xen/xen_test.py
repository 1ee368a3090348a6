#!/usr/bin/env python3
"""Xen: domains with the configuration of docs/xen.md, whose device models have this build's library.

    xen_test.py BUILD CASE

One emulated machine per case. What must hold is looked at from both sides: what the domain's programs
say, and what dom0 holds.
"""

import os
import re
import shlex
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../../tools/lib")]

import vm  # noqa: E402
import xen  # noqa: E402
from cli import Failure  # noqa: E402
from session import RECORD_SEPARATOR  # noqa: E402

SKIPPED = 77  # meson


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


class Guest(xen.Domain):
    """A domain, and what the cases do in it."""

    def __init__(self, host, **options):
        super().__init__(host, **options)
        self.driver = vm.GuestDriver("layer", host.build, options.get("gpu", "sim:renoir"))

    def program(self, relative, *arguments):
        return " ".join([os.path.join(self.host.build, relative), *arguments])

    def vulkan(self, *arguments):
        return self.program("tests/guest/viaduct-guest-vulkan", *arguments)

    def gles(self, *arguments):
        return self.program("tests/guest/viaduct-guest-gles", *arguments)

    def script(self, text):
        return self.driver.script + "export VIADUCT_GUEST_DEVICE=AMD\n" + text

    def begin(self, text):
        """Starts a script: must_finish() is its end."""
        print("%s$ %s" % (self.name, text[:200]), flush=True)
        self.send(self.script(text))

    def wait_for_line(self, pattern, seconds=900):
        """Of what the script prints, as a match. A context is there before the GPU has work, so figures are not
        what tells that a program is at work."""
        line = self.read_until("%s.*\n|%s[0-9]+\n" % (pattern, RECORD_SEPARATOR), seconds, "a line with " + pattern)
        check(RECORD_SEPARATOR not in line[0], "the program ended without a line with %s:\n%s%s" % (
            pattern, line.string[:line.end()], self.logs()))
        return line

    def must_finish(self, seconds=900):
        status, output = self.finish(seconds, output=sys.stdout)
        check(status == 0, "%s ended with %d:\n%s" % (self.name, status, self.logs()))
        return output

    def must_do(self, text, seconds=900):
        """Runs a script that must succeed; what it printed."""
        started = time.monotonic()
        self.begin(text)
        output = self.must_finish(seconds)
        print("[after %.0f s]" % (time.monotonic() - started), flush=True)
        return output

    def ask_for_figures(self, folder="/run/user/0/viaduct"):
        return ("printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | "
                "socat - UNIX-CONNECT:%s/%d.metrics" % (folder, self.device_model))

    def submissions(self):
        """How many have been executed, of all contexts that are there."""
        figures = self.host.must_run(self.ask_for_figures())
        return sum(int(line.split()[-1]) for line in figures.splitlines()
                   if line.startswith("viaduct_ring_latency_seconds_count"))


def start(build, **options):
    return xen.Host(build, progress=print, **options)


def settle_at(host, before):
    """Domains go at once, what is theirs in dom0 a little later."""
    deadline = time.monotonic() + 120
    while True:
        after = host.holdings()
        if after.fits(before):
            print("dom0 holds %s" % after)
            return
        if time.monotonic() > deadline:
            raise AssertionError("dom0 held %s, now %s:\n%s" % (
                before, after, host.must_run("ps -eo pid,ppid,rss,nlwp,args | grep -v '\\['; "
                                             "ls -l /dev/shm; xl list")))
        time.sleep(1)


def check_that_nothing_listens(host):
    """On a TCP port: xl has a device model serve VNC unless its configuration says otherwise."""
    listening = host.must_run("cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" { print $2 }'").split()
    check(not listening, "a device model listens on %s" % listening)


def case_programs(build):
    """What a user does first, in two domains one after the other: transfer, compute, end. Nothing is
    left in dom0."""
    with start(build) as host:
        before = host.holdings()
        for _ in range(2):
            with Guest(host) as guest:
                check_that_nothing_listens(host)
                output = guest.must_do(guest.vulkan("--gtest_filter=" + SOME))
                check("RADV RENOIR" in output, "the host's GPU is not named")
                guest.must_do(guest.gles("--gtest_filter=" + SOME_GLES))
                guest.end()
            settle_at(host, before)


def check_that_a_second_gpu_is_refused(host):
    """As docs/several-gpus.md says; QEMU ends before the domain begins."""
    arguments = xen.documented_domain()["device_model_args"] + ["-device", "virtio-gpu-gl-pci"]
    try:
        with Guest(host, settings={"device_model_args": arguments}):
            raise AssertionError("a domain has two GPUs")
    except Failure:
        log = host.must_run("cat /var/log/xen/qemu-dm-guest1.log")
        check("at most one virtio-gpu-gl-device device is permitted" in log, log)


def case_failures(build):
    """A domain that does not start, one that is destroyed in the middle of its work, and one whose
    device model is killed leave nothing in dom0."""
    with start(build) as host:
        before = host.holdings()
        check_that_a_second_gpu_is_refused(host)
        settle_at(host, before)
        for trouble in ("destroyed", "its device model killed"):
            print("a domain that is to be " + trouble, flush=True)
            with Guest(host) as guest:
                guest.begin(guest.vulkan("--gtest_filter=" + SOME, "--gtest_repeat=1000"))
                guest.wait_for_line(r"OK \] Transfer")
                host.must_run("pgrep viaduct-worker")
                if trouble != "destroyed":
                    host.must_run("kill -KILL %d" % guest.device_model)
                guest.destroy()
            settle_at(host, before)


def case_neighbours(build):
    """Two domains at once, which share the GPU as they are told: by what the library counts, and by
    what their programs have got done."""
    settings = {"VIADUCT_SIMGPU_INJECT": "slow:ring=gfx:ms=%d" % JOB_MS, "VIADUCT_GPU_BURST": "10ms"}
    with start(build) as host, \
            Guest(host, number=1, environment={**settings, "VIADUCT_GPU_SHARE": "25"}) as quarter, \
            Guest(host, number=2, environment={**settings, "VIADUCT_GPU_SHARE": "75"}) as rest:
        guests = (quarter, rest)
        output = host.must_run(viaduct(host, "doctor --json || true"))
        check("domains with virtio-gpu 3D: 1, 2" in output, "the domains are not found:\n" + output)
        for guest, jobs in zip(guests, JOBS):
            # Their works are longer than the case: the domains end with it.
            guest.begin(guest.program("tools/measure-program/viaduct-measure", *["'submit %d'" % jobs] * 50))
        for guest in guests:
            guest.wait_for_line("submit [0-9]+")
        executed = executed_together(guests)
        check_top(host)
        print("jobs of %d ms that were executed: %s" % (JOB_MS, executed), flush=True)
        check_shares(executed)
        # The last works that were done while both were at work.
        seconds = [last_work(guest) for guest in guests]
        print("%s jobs took %s s in the domains" % (JOBS, seconds), flush=True)
        check_shares([jobs / time for jobs, time in zip(JOBS, seconds)])


def viaduct(host, arguments):
    return "%s %s" % (os.path.join(host.build, "tools/viaduct/viaduct"), arguments)


def executed_together(guests):
    """Jobs of each guest in a stretch in which all are at work."""
    begin = [guest.submissions() for guest in guests]
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        jobs = [guest.submissions() - first for guest, first in zip(guests, begin)]
        if sum(jobs) >= STRETCH:
            return jobs
        time.sleep(5)
    raise AssertionError("only %s jobs were executed in ten minutes" % jobs)


def last_work(guest):
    """How many seconds it took, as its program says."""
    lines = []
    while not lines or guest.received.count("\n"):
        lines.append(guest.wait_for_line("submit ([0-9]+)"))
    return float(lines[-1][1]) / 1e9


def check_shares(work):
    check(2.7 < work[1] / work[0] < 3.3, "1:3 is not how the GPU was shared: %s" % work)


# Longer than what a domain's emulated processor takes for a submission. Two may be under way before the
# first is paid for, and a debt of more than two seconds bring is forgiven: half a second for a quarter.
# Works that take as long.
JOB_MS, JOBS, STRETCH = 240, (15, 45), 240


def case_owners(build):
    """Two domains whose device models are processes of a user each: so are their workers, and one
    user cannot ask for the other's figures. Nothing is left of them."""
    with start(build) as host:
        host.must_run(xen.documented_users())
        before = host.holdings()
        with Guest(host, number=1, settings={"device_model_user": "alice"},
                   environment={"VIADUCT_GPU_SHARE": "25"}) as alices, \
                Guest(host, number=2, settings={"device_model_user": "bob"},
                      environment={"VIADUCT_GPU_SHARE": "75"}) as bobs:
            owned = (("alice", alices), ("bob", bobs))
            bobs.begin(bobs.vulkan("--gtest_filter=" + SOME, "--gtest_repeat=1000"))
            alices.begin(alices.vulkan("--gtest_filter=" + SOME))
            for owner, guest in owned:
                guest.wait_for_line(r"OK \] Transfer")
                check_processes(host, owner, guest)
            check_what_root_sees(host)
            check_who_may_ask(host, owned)
            alices.must_finish()
            alices.end()
            bobs.destroy()
        # xl has killed all processes of bob's at once. What these could not remove: the socket, which
        # goes when root looks for figures, and the simulated GPU, which no real one has.
        host.must_run(viaduct(host, "top --once"))
        left = host.must_run("rm -f /dev/shm/viaduct-simgpu-*; find /run/viaduct /run/user -type s; "
                             "find /dev/shm /run /tmp -xdev ! -type d '(' -user alice -o -user bob ')'; "
                             "ps -o args -u alice,bob | tail -n +2")
        check(not left, "of alice and bob is left:\n" + left)
        settle_at(host, before)


def check_processes(host, owner, guest):
    """The device model and its workers are the owner's, who may open render nodes."""
    output = host.must_run("ps -o user:32= -p %d; sed -n 's/^Groups://p' /proc/%d/status; "
                           "getent group render | cut -d: -f3" % (guest.device_model, guest.device_model))
    user, groups, render = output.splitlines()
    check(user == owner and render in groups.split(), output)
    workers = host.must_run("ps -C viaduct-worker -o user:32=").split()
    print("the device model of %s is %s's; workers: %s" % (guest.name, user, workers), flush=True)
    check(owner in workers and "root" not in workers, workers)


def check_what_root_sees(host):
    output = host.must_run(viaduct(host, "doctor --json || true"))
    check("domains with virtio-gpu 3D: 1, 2" in output, "the domains are not found:\n" + output)
    check_top(host)


def check_top(host):
    """Both domains, with their shares."""
    output = host.must_run(viaduct(host, "top --once"))
    print(output, flush=True)
    check(re.search(r"guest1 .* 25%.*\n.*guest2 .* 75%|guest2 .* 75%.*\n.*guest1 .* 25%", output), output)


def check_who_may_ask(host, owned):
    for owner, guest in owned:
        folder = "/run/viaduct/" + host.must_run("id -u " + owner).strip()
        for user, _ in owned:
            _, output = host.run("runuser -u %s -- sh -c %s" % (user, shlex.quote(guest.ask_for_figures(folder))))
            check(('vm="%s"' % guest.name in output) == (user == owner),
                  "%s asked for %s's figures:\n%s" % (user, owner, output))


# Each access to a buffer that the programs have mapped takes a millisecond: small ones.
SOME = "Transfer.*Graphics256B:Compute.SubgroupOperations/Compute"
SOME_GLES = "Gles.ComputeWithAUniform"


def main():
    build, name = sys.argv[1:3]
    # Tests do not make trees; tools/test xen does.
    if not xen.is_made():
        print("the dom0, the guest or the patched QEMU is not made (tools/test xen makes all)")
        return SKIPPED
    globals()["case_" + name](build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
