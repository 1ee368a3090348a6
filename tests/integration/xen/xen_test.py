#!/usr/bin/env python3
"""Xen: domains with the configuration of docs/xen.md, whose device models have this build's library.

    xen_test.py BUILD CASE

One emulated machine per case. What must hold is looked at from both sides: what the domain's programs
say, and what dom0 holds.
"""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../../tools/lib")]

import vm  # noqa: E402
import xen  # noqa: E402

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

    def must_do(self, text, seconds=900):
        """Runs a script that must succeed; what it printed."""
        started = time.monotonic()
        print("%s$ %s" % (self.name, text), flush=True)
        self.send(self.script(text))
        status, output = self.finish(seconds, output=sys.stdout)
        print("[%d after %.0f s]" % (status, time.monotonic() - started), flush=True)
        check(status == 0, "%s ended with %d:\n%s" % (text, status, self.logs()))
        return output


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


def case_programs(build):
    """What a user does first, in two domains one after the other: transfer, compute, end. Nothing is
    left in dom0."""
    with start(build) as host:
        before = host.holdings()
        for _ in range(2):
            with Guest(host) as guest:
                output = guest.must_do(guest.vulkan("--gtest_filter=" + SOME))
                check("RADV RENOIR" in output, "the host's GPU is not named")
                guest.must_do(guest.gles("--gtest_filter=" + SOME_GLES))
                guest.end()
            settle_at(host, before)


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
