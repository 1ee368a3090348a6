#!/usr/bin/env python3
"""The includes of all sources keep to the table of layers, and the check notices when not."""

import tempfile
import unittest
from pathlib import Path

import arrows

ROOT = Path(__file__).resolve().parents[2]
PAGE = """
## Layers

| part | may include |
|---|---|
| `low/` | – |
| `low/face.h` | `low/` |
| `high/` | `low/` |

## Next
"""


class Tree(unittest.TestCase):
    """A made-up tree, of which one file is written per test."""

    def faults(self, page=PAGE, **files):
        with tempfile.TemporaryDirectory() as root:
            paths = []
            for name, target in {"high/a.h": "low/a.h", "low/face.h": "low/a.h",
                                 **files.get("files", {})}.items():
                path = Path(root, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(f'#include <map>\n#include "{target}"\n', encoding="utf-8")
                paths.append(name)
            return arrows.check(root, arrows.Layers(page), paths)

    def test_arrows_of_the_table_pass(self):
        self.assertEqual(self.faults(), [])

    def test_an_arrow_up_is_found(self):
        self.assertEqual(self.faults(files={"low/b.cpp": "high/a.h"}),
                         ["low/b.cpp includes high/a.h: low/ may not include high/"])

    def test_an_arrow_that_is_not_listed_is_found(self):
        self.assertEqual(self.faults(files={"high/b.cpp": "low/face.h"}),
                         ["high/b.cpp includes low/face.h: high/ may not include low/face.h"])

    def test_a_file_without_a_row_is_found(self):
        self.assertEqual(self.faults(files={"other/b.cpp": "low/a.h"}),
                         ["other/b.cpp is in no row of the table of layers"])

    def test_tests_are_included_by_nothing(self):
        self.assertEqual(self.faults(files={"high/b.cpp": "tests/a.h"}),
                         ["high/b.cpp includes tests/a.h: tests are above everything"])

    def test_a_table_with_a_circle_is_found(self):
        page = PAGE.replace("| `low/` | – |", "| `low/` | `high/` |")
        self.assertIn("the row of low/ allows high/, which is not in a row above it",
                      self.faults(page, files={"low/b.cpp": "high/a.h"}))

    def test_a_row_that_outlived_its_arrow_is_found(self):
        page = PAGE.replace("| `high/` | `low/` |", "| `high/` | `low/`, `low/face.h` |")
        self.assertEqual(self.faults(page), [
            "the row of high/ allows low/face.h, which nothing there includes any more"])


class ThisTree(unittest.TestCase):
    def test_keeps_to_the_table_of_layers(self):
        page = Path(ROOT, "docs/architecture.md").read_text(encoding="utf-8")
        layers = arrows.Layers(page)
        self.assertGreater(len(layers.allowed), 20)
        faults = arrows.check(ROOT, layers, arrows.sources(ROOT))
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


if __name__ == "__main__":
    unittest.main()
