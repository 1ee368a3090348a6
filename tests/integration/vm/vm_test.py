#!/usr/bin/env python3
"""Real virtual machines: unpatched QEMU with this build's library, and a Debian 13 guest.

    vm_test.py BUILD CASE

One machine per case. What must hold is looked at from both sides: what the guest's programs say, and
what QEMU's process holds.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/lib"))

import vm  # noqa: E402

SKIPPED = 77  # meson


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
        return " ".join([os.path.join(self.build, relative), *arguments])

    def vulkan(self, *arguments):
        return self.program("tests/guest/viaduct-guest-vulkan", "--gtest_brief=1", *arguments)

    def gles(self, *arguments):
        return self.program("tests/guest/viaduct-guest-gles", "--gtest_brief=1", *arguments)

    def run(self, script, seconds=300):
        """Runs a script that must succeed, with the driver; what it printed."""
        status, output = self.machine.run(self.driver.script + script, seconds)
        print("$ %s\n%s" % (script, output), flush=True)
        check(status == 0, "%s ended with %d" % (script, status))
        return output


def start(build, mesa="layer", **options):
    driver = vm.GuestDriver(mesa, build)
    machine = vm.VirtualMachine(build, shares=driver.shares, progress=print, **options)
    return Guest(build, machine, driver)


def case_programs(build):
    """What a user does first: look, then draw."""
    guest = start(build)
    with guest.machine:
        check(guest.machine.boot_seconds < 30, "the guest took too long to start")
        output = guest.run("vulkaninfo --summary")
        check("RADV RENOIR" in output, "the host's GPU is not named")
        output = guest.run(guest.program("tools/demo-program/viaduct-demo", "--width=320",
                                         "--height=240", "--frames=2"))
        check("all 614400 bytes correct" in output, "not every byte is correct")


def main():
    build, name = sys.argv[1:]
    # A test is no place to make trees: tools/test --vm does.
    if subprocess.run([os.path.join(vm.ROOT, "tools/tree"), "have", "forky"],
                      check=False).returncode != 0:
        print("there is no tree with QEMU (tools/test --vm makes it)")
        return SKIPPED
    globals()["case_" + name](build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
