"""The lists of tests: lists/AREA, a line for each test.

    RESULT  TEST [# REASON]

RESULT is what the simulated GPU is expected to get: piglit's pass, warn, skip or fail; "crash"; "timeout";
or "lost", if the GPU ends one of the test's jobs with a report, whatever becomes of the test.
TEST is a program of piglit's with its arguments, or a shader test's file in piglit's own folder. A result
other than "pass" has a reason. The first line says what the area is.
"""

import os
from dataclasses import dataclass

LISTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lists")
# Best first.
RESULTS = ("pass", "warn", "skip", "fail", "lost", "crash", "timeout")


@dataclass(frozen=True)
class Line:
    """One test's line; "place" is "FILE:LINE", for messages."""

    result: str
    test: str
    reason: str
    place: str


def areas():
    return sorted(os.listdir(LISTS))


def read_list(path):
    lines = []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            words, _, reason = text.rstrip("\n").partition("#")
            if not words.strip():
                continue
            result, _, test = words.partition(" ")
            place = "tests/piglit/lists/%s:%d" % (os.path.basename(path), number)
            if result not in RESULTS or not test.strip():
                raise ValueError("%s: a line is one of %s, then a test" % (place, ", ".join(RESULTS)))
            lines.append(Line(result, " ".join(test.split(" ")).strip(), reason.strip(), place))
    return lines
