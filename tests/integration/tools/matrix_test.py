#!/usr/bin/env python3
"""The table of docs/loopback.md lists the tests of Mesa as a guest, all of them and no others."""

import json
import os
import re
import unittest

from common import ROOT

PAGE = os.path.join(ROOT, "docs", "loopback.md")
TESTS = os.path.join(os.environ["VIADUCT_BUILD"], "meson-info", "intro-tests.json")
TITLE = "## Tested on it"


def table(page):
    """{(GPU, Mesa): set of words}."""
    rows = [row.strip("|\n").split("|") for row in
            page.partition(TITLE)[2].partition("\n## ")[0].splitlines() if row.startswith("|")]
    meson_names = [re.search("`(.+?)`", cell)[1] for cell in rows[0][1:]]
    cells = {}
    for row in rows[2:]:
        gpu = re.search("`(.+?)`", row[0])[1]
        for mesa, cell in zip(meson_names, row[1:]):
            words = set(re.findall("`(.+?)`", cell))
            if "the same" in cell or "as `host`" in cell:
                words = (words - {"host"}) | cells[gpu, "host"]
            cells[gpu, mesa] = words
    return cells


def tests_of(names, cells):
    """The same of the tests called so, for the GPUs and Mesas of `cells`."""
    gpus, mesas = ("|".join(sorted(set(keys), key=len, reverse=True)) for keys in zip(*cells))
    found = {cell: set() for cell in cells}
    for name in names:
        match = re.fullmatch(r"(.+?)-(%s)-guest-(%s)" % (mesas, gpus), name)
        if match:
            found[match[3], match[2]].add(match[1])
    return found


class Matrix(unittest.TestCase):
    def test_the_table_lists_what_is_tested(self):
        with open(PAGE, encoding="utf-8") as file:
            cells = table(file.read())
        with open(TESTS, encoding="utf-8") as file:
            found = tests_of([test["name"] for test in json.load(file)], cells)
        self.assertGreater(len(cells), 20)
        for (gpu, mesa), words in cells.items():
            self.assertEqual(words, found[gpu, mesa],
                             "docs/loopback.md, \"%s\": %s, %s" % (TITLE[3:], gpu, mesa))

    def test_cells_that_refer_to_another(self):
        page = TITLE + ("\n| GPU | `host` | `trixie` | `virtio` |\n|---|---|---|---|\n"
                        "| `a` | `x` `y` | the same, `z` | as `host` |\n| `a-b` (xe) | – | `w` | – |\n"
                        "\n## Else\n| `c` | `v` | – | – |\n")
        self.assertEqual(table(page), {
            ("a", "host"): {"x", "y"}, ("a", "trixie"): {"x", "y", "z"},
            ("a", "virtio"): {"x", "y"}, ("a-b", "host"): set(), ("a-b", "trixie"): {"w"},
            ("a-b", "virtio"): set()})
        self.assertEqual(
            tests_of(["x-host-guest-a", "w-trixie-guest-a-b", "x-trixie-bare-a", "x-host-guest-a-c"],
                     table(page))["a-b", "trixie"], {"w"})


if __name__ == "__main__":
    unittest.main()
