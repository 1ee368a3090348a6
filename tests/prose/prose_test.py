#!/usr/bin/env python3
"""Messages, pages and comments do without the phrases of prose.py, and the search finds each."""

import unittest
from pathlib import Path

import prose

ROOT = Path(__file__).resolve().parents[2]


class Search(unittest.TestCase):
    def found(self, path, text):
        return prose.search(path, text)

    def test_a_message_is_found_with_its_line(self):
        self.assertEqual(self.found("a/b.cpp", '\nfail(EINVAL, "fd {} is no "\n    "device of that kind", fd);'),
                         ['a/b.cpp:2: "is no device": is not a'])

    def test_there_is_no_and_no_longer_are_english(self):
        self.assertEqual(self.found("a/b.cpp", 'log("there is no render node"); log("it is no longer there now");'),
                         [])

    def test_each_pattern_is_found_on_a_page(self):
        for text in ("used in the place of it", "all but for one", "which he must keep", "a map of ours",
                     "it is no size", "nobody waits", "the log says why", "a value that makes no sense",
                     "a handle of the guest's.", "a descriptor that is none", "it wants root"):
            self.assertEqual(len(self.found("docs/a.md", text)), 1, text)
            self.assertEqual(len(self.found("a.1", text)), 1, text)

    def test_code_on_a_page_is_not_prose(self):
        self.assertEqual(self.found("docs/a.md", "`his/` and\n```\nin the place of\n```\n"), [])

    def test_an_opening_is_found_on_the_first_line_of_a_comment_only(self):
        fault = '"What ..." opens a comment: begin with a noun'
        self.assertEqual(self.found("a/b.h", "int a;\n/// What a guest wrote.\n"), ["a/b.h:2: " + fault])
        self.assertEqual(self.found("a/b.h", "int a;  // What it is.\n"), ["a/b.h:1: " + fault])
        self.assertEqual(self.found("a/b.h", "// Reads it.\n// What is left stays.\n"), [])

    def test_strings_are_not_comments(self):
        self.assertEqual(self.found("a/b.h", 'f("http://he/is");\n'), [])

    def test_messages_of_scripts_are_found(self):
        self.assertEqual(len(self.found("tools/a", '#!/usr/bin/env python3\nraise F("x: %s is no file" % x)\n')), 1)
        self.assertEqual(len(self.found("tools/a", '#!/bin/bash\nx || die "a tree that nobody made"\n')), 1)
        self.assertEqual(self.found("tools/a.py", '"""A module for whoever needs it."""\n'), [])

    def test_tests_may_name_their_messages_as_they_like(self):
        self.assertEqual(self.found("tests/a.cpp", 'EXPECT_TRUE(x) << "fd is no device at all";'), [])


class ThisTree(unittest.TestCase):
    def test_does_without_these_phrases(self):
        self.assertGreater(len(prose.files(ROOT)), 1000)
        faults = prose.check(ROOT)
        self.assertEqual(faults, [], "\n" + "\n".join(faults))


if __name__ == "__main__":
    unittest.main()
