#!/usr/bin/env python3
"""docs/security.md names tests and fuzz targets that there are."""

import glob
import os
import re
import unittest

from common import ROOT

CASE = re.compile(r"\b(?:TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\(\s*(\w+),\s*(\w+)")


def existing_cases():
    """All GoogleTest cases of the tree, as Suite.Case."""
    cases = set()
    for path in glob.glob(os.path.join(ROOT, "tests/**/*.cpp"), recursive=True):
        with open(path, encoding="utf-8") as file:
            cases.update(".".join(match) for match in CASE.findall(file.read()))
    return cases


class SecurityPage(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, "docs/security.md"), encoding="utf-8") as file:
            self.page = file.read()

    def test_the_tests_that_it_names_exist(self):
        named = re.findall(r"`([A-Z]\w+)\.(\*|[A-Z]\w*)`", self.page)
        self.assertGreater(len(named), 40)
        cases = existing_cases()
        for suite, case in named:
            found = any(known.startswith(suite + ".") and case in ("*", known.split(".")[1])
                        for known in cases)
            self.assertTrue(found, "docs/security.md: there is no test %s.%s" % (suite, case))

    def test_the_files_and_fuzz_targets_that_it_names_exist(self):
        for path in re.findall(r"`((?:tests|renderer|drm-context)/[\w./-]+)`", self.page):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)
        with open(os.path.join(ROOT, "CONTRIBUTING.md"), encoding="utf-8") as file:
            targets = set(re.findall(r"`([a-z0-9-]+)`", file.read()))
        lists = re.findall(r"fuzzers? ((?:`[a-z0-9-]+`(?:, )?)+)", self.page)
        self.assertGreater(len(lists), 3)
        for name in re.findall(r"`([a-z0-9-]+)`", " ".join(lists)):
            self.assertIn(name, targets)


if __name__ == "__main__":
    unittest.main()
