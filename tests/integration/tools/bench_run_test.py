#!/usr/bin/env python3
"""tools/bench with the real programs: a run that is too short to mean anything."""

import os
import subprocess
import sys
import unittest

from common import TOOLS

BUILD = os.environ["VIADUCT_BUILD"]


def bench(*options):
    # Its own simulated GPUs, whatever the caller's environment wants of them.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("VIADUCT_SIMGPU")}
    return subprocess.run([os.path.join(TOOLS, "bench"), "--no-build", "--build=" + BUILD,
                           "--quick", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=280, check=False,
                          env=environment)


class Quick(unittest.TestCase):
    def test_every_way_has_a_rate_of_every_measure(self):
        # This build's own library serves as another one.
        other = os.path.join(BUILD, "renderer/libvirglrenderer.so.1")
        done = bench("--rounds=1", "--peer=" + other)
        self.assertEqual(done.returncode, 0, done.stdout)
        rows = [line for line in done.stdout.splitlines() if "±" in line]
        self.assertEqual(len(rows), 8, done.stdout)
        for row in rows:
            floor = row.startswith(("submit  ", "submit and wait  "))
            self.assertEqual(row.count("±"), 5 if floor else 4, row)
            self.assertRegex(row, r"(?: +\d+\.\d\d){4}$")


if __name__ == "__main__":
    if os.environ.get("VIADUCT_SANITIZER"):
        sys.exit(77)  # bare programs would have to load its run-time library first
    unittest.main()
