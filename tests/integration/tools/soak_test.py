#!/usr/bin/env python3
"""tools/soak: what it takes for a leak, and a run too short to find one."""

import os
import re
import subprocess
import sys
import unittest

from common import TOOLS

sys.path.insert(0, os.path.join(TOOLS, "lib"))

from soak import trouble  # noqa: E402
from soak.guests import percentiles  # noqa: E402
from soak.vms import Slack  # noqa: E402
from vm import Holdings  # noqa: E402

BUILD = os.environ["VIADUCT_BUILD"]


def holdings(**counts):
    held = Holdings([])
    held.counts.update(counts)
    return held


class Leaks(unittest.TestCase):
    def test_any_growth_is_one_but_a_little(self):
        before = holdings(descriptors=20, threads=5, KiB=1000)
        for now, found in ((holdings(descriptors=20, threads=5, KiB=1000 + (16 << 10)), {}),
                           (holdings(descriptors=3, threads=1), {}),
                           (holdings(descriptors=28), {}),
                           (holdings(descriptors=29), {"descriptors": (20, 29)}),
                           (holdings(threads=6), {"threads": (5, 6)}),
                           (holdings(KiB=1001 + (16 << 10)), {"KiB": (1000, 1001 + (16 << 10))})):
            self.assertEqual(Slack().leaks(now, before), found)

    def test_percentiles_of_few_are_none(self):
        self.assertIsNone(percentiles([1.0] * 9))
        self.assertEqual(percentiles([float(i) for i in range(100)]), (50.0, 99.0))


class Short(unittest.TestCase):
    def test_programs_die_and_nothing_grows(self):
        done = subprocess.run([os.path.join(TOOLS, "soak"), "--no-build", "--build=" + BUILD,
                               "--minutes=0.5", "--seed=1"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=280, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count(" holds "), 20, done.stdout)
        figures = dict(reversed(line.split(" ", 1)) for line in re.findall(
            r"^ +(\d+ .*)$", done.stdout, re.MULTILINE))
        self.assertGreater(int(figures["pieces of work"]), 100, done.stdout)
        self.assertTrue(set(figures) & {name for _, name, _ in trouble.ALL}, done.stdout)


if __name__ == "__main__":
    if os.environ.get("VIADUCT_SANITIZER"):
        Short.setUp = lambda self: self.skipTest("measures processes that sanitizers make larger")
    unittest.main()
