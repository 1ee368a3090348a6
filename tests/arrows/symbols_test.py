#!/usr/bin/env python3
"""The objects of a build keep to the table of layers, and the check notices when not.

symbols_test.py BUILD-DIRECTORY"""

import sys
import unittest
from pathlib import Path

import arrows
import symbols

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1)).resolve()
PAGE = """
## Layers

| part | may include |
|---|---|
| `low/` | – |
| `middle/` | `low/` |
| `high/` | `middle/` |

## Next
"""
SOURCES = {"low.o": "low/a.cpp", "middle.o": "middle/a.cpp", "high.o": "high/a.cpp",
           "test.o": "tests/a.cpp"}


class Objects(unittest.TestCase):
    """Made-up objects that define `_Zlow_down`, `_Zhalfway` and `_Zon_top`."""

    def faults(self, *more):
        listed = [("low.o", "T", "_Zlow_down"), ("middle.o", "T", "_Zhalfway"), ("high.o", "D", "_Zon_top")]
        return symbols.check(arrows.Layers(PAGE), SOURCES, listed + list(more))

    def test_what_the_table_allows_passes(self):
        self.assertEqual(self.faults(("middle.o", "U", "_Zlow_down"), ("high.o", "U", "_Zhalfway")), [])

    def test_what_an_inline_function_between_needs_passes(self):
        self.assertEqual(self.faults(("high.o", "U", "_Zlow_down")), [])

    def test_what_is_not_of_the_tree_passes(self):
        self.assertEqual(self.faults(("low.o", "U", "memcpy")), [])

    def test_a_need_of_what_is_above_is_found(self):
        self.assertEqual(self.faults(("low.o", "U", "_Zon_top")),
                         ["low/a.cpp needs _Zon_top of high/, which low/ may not"])

    def test_tests_may_need_anything(self):
        self.assertEqual(self.faults(("test.o", "U", "_Zon_top")), [])

    def test_what_is_declared_below_and_defined_above_passes(self):
        layers = arrows.Layers(PAGE)
        listed = [("high.o", "T", "_Zon_top"), ("low.o", "U", "_Zon_top"), ("middle.o", "U", "_Zon_top")]
        self.assertEqual(len(symbols.check(layers, SOURCES, listed)), 2)
        self.assertEqual(symbols.check(layers, SOURCES, listed, {("low/", "high/")}), [])

    def test_a_second_definition_that_is_allowed_will_do(self):
        self.assertEqual(self.faults(("middle.o", "U", "_Zon_top"), ("low.o", "T", "_Zon_top")), [])


class ThisBuild(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.layers = arrows.Layers(Path(ROOT, "docs/architecture.md").read_text(encoding="utf-8"))
        cls.sources = symbols.objects(BUILD, ROOT)
        cls.listed = list(symbols.symbols(cls.sources))

    def faults(self, defined_above):
        return symbols.check(self.layers, self.sources, self.listed, defined_above)

    def test_has_one_row_in_each_unit(self):
        self.assertEqual(list(symbols.crossing(self.layers, BUILD, ROOT)), [])

    def test_keeps_to_the_table_of_layers(self):
        self.assertGreater(len(self.sources), 50)
        faults = self.faults(symbols.DEFINED_ABOVE)
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_needs_each_exception(self):
        for one in symbols.DEFINED_ABOVE:
            self.assertNotEqual(self.faults(symbols.DEFINED_ABOVE - {one}), [], one)


if __name__ == "__main__":
    unittest.main()
