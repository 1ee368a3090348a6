#!/usr/bin/env python3
"""piglit's tests on the simulated GPU, bare and as a guest, against the results that are expected.

    piglit_test.py AREA [TEST]     an area (a file of lists/), or those of its tests that contain TEST
    piglit_test.py --list          the areas
    piglit_test.py --check         the lists themselves, and README.md's table of them
    piglit_test.py --table         that table

Environment as for tests/integration/guest/run_guest. Exits with 77 if the tree with piglit has not been
made (tools/test --programs makes it), with 1 if a result is worse or better than expected, or differs
between bare and guest; the message names the line to look at.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile

from area_list import LISTS, RESULTS, areas, read_list

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
TREE, GPU = "programs", "sim:renoir"
WAYS = ("bare", "guest")
SKIPPED = 77  # meson
LEAST_TESTS, LEAST_OF_AREA = 300, 10
# In the output of a program that lost a job of the simulated GPU.
REPORT = "viaduct-simgpu:"


def run(way, path, folder):
    """The outcomes (run_tests.py) of a list's tests, by test."""
    environment = {
        **os.environ,
        # Both ways compile the same shaders.
        "MESA_SHADER_CACHE_DIR": folder,
        # A context that is lost is a test's result here, not the end of the run.
        "VIADUCT_GUEST_EXPECT": "lost-contexts",
    }
    done = subprocess.run(
        [os.path.join(ROOT, "tests/integration/guest/run_guest"), TREE, way, GPU, "python3",
         os.path.join(HERE, "run_tests.py"), path],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment)
    outcomes = {each["test"]: each for each in map(json.loads, done.stdout.splitlines())}
    if done.returncode:
        print(done.stderr)
        raise SystemExit("piglit_test.py: the %s run ended with status %d" % (way, done.returncode))
    return outcomes


def result_of(line, way, outcome):
    """A test's result in the words of the lists."""
    # Only bare is the simulated GPU's report part of the test's output.
    lost = REPORT in outcome["output"] if way == "bare" else line.result == "lost"
    return "lost" if lost else outcome["result"]


def verdict(line, way, outcome):
    """What is wrong with a test's outcome; empty if nothing is."""
    got = result_of(line, way, outcome)
    if got != line.result:
        better = RESULTS.index(got) < RESULTS.index(line.result)
        return '%s: %s: %s got "%s", %s than "%s"%s' % (
            line.place, line.test, way, got, "better" if better else "worse", line.result,
            '; write "%s" there' % got if better else "")
    return ""


def compare(line, outcomes):
    """Complaints about a test, with its output."""
    complaints = []
    for way in WAYS:
        complaint = verdict(line, way, outcomes[way][line.test])
        if complaint:
            complaints.append(complaint + "\n" + outcomes[way][line.test]["output"])
    parts = [outcomes[way][line.test]["subtests"] for way in WAYS]
    if parts[0] != parts[1] and line.result != "lost":
        names = sorted(name for name in {**parts[0], **parts[1]}
                       if parts[0].get(name) != parts[1].get(name))
        complaints.append("%s: %s: bare and guest differ in %s" % (
            line.place, line.test,
            ", ".join("%s (%s, %s)" % (name, parts[0].get(name), parts[1].get(name))
                      for name in names)))
    return complaints


def run_area(area, wanted):
    path = os.path.join(LISTS, area)
    lines = [line for line in read_list(path) if wanted in line.test]
    with tempfile.TemporaryDirectory(prefix="viaduct-piglit-") as folder:
        if wanted:
            path = os.path.join(folder, area)
            with open(path, "w", encoding="utf-8") as file:
                file.writelines("%s %s\n" % (line.result, line.test) for line in lines)
        outcomes = {way: run(way, path, folder) for way in WAYS}
    failures = 0
    for line in lines:
        complaints = compare(line, outcomes)
        failures += bool(complaints)
        bare = outcomes["bare"][line.test]
        print("%-5s %5.1f s  %s" % (result_of(line, "bare", bare), bare["seconds"], line.test))
        for complaint in complaints:
            print(complaint)
    print("%s: %d tests, %d not as expected" % (area, len(lines), failures))
    return 1 if failures else 0


def table():
    rows = ["| area | pass | skip | fail | lost | |", "|---|--:|--:|--:|--:|---|"]
    total = collections.Counter()
    for area in areas():
        with open(os.path.join(LISTS, area), encoding="utf-8") as file:
            about = file.readline().lstrip("# ").rstrip(".\n")
        count = collections.Counter(line.result for line in read_list(os.path.join(LISTS, area)))
        total += count
        rows.append("| %s | %d | %d | %d | %d | %s |" % (
            area, count["pass"], count["skip"], count["fail"], count["lost"], about))
    rows.append("| **all** | %d | %d | %d | %d | %d tests |" % (
        total["pass"], total["skip"], total["fail"], total["lost"], sum(total.values())))
    return "\n".join(rows) + "\n"


def check():
    complaints, places = [], {}
    for area in areas():
        lines = read_list(os.path.join(LISTS, area))
        if len(lines) < LEAST_OF_AREA:
            complaints.append("%s has %d tests, fewer than %d" % (area, len(lines), LEAST_OF_AREA))
        for line in lines:
            if line.test in places:
                complaints.append("%s: also in %s" % (line.place, places[line.test]))
            places[line.test] = line.place
            if (line.result == "pass") == bool(line.reason):
                complaints.append('%s: "# REASON" belongs to results other than "pass"' % line.place)
            if line.result not in ("pass", "skip", "fail", "lost"):
                complaints.append("%s: README.md's table has no column for %s" % (
                    line.place, line.result))
    if len(places) < LEAST_TESTS:
        complaints.append("%d tests, fewer than %d" % (len(places), LEAST_TESTS))
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        if table() not in file.read():
            complaints.append("README.md's table is not that of piglit_test.py --table")
    print("\n".join(complaints) or "%d tests in %d areas" % (len(places), len(areas())))
    return 1 if complaints else 0


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 else 2
    if sys.argv[1] == "--list":
        print("\n".join(areas()))
        return 0
    if sys.argv[1] == "--check":
        return check()
    if sys.argv[1] == "--table":
        print(table(), end="")
        return 0
    if sys.argv[1] not in areas():
        raise SystemExit("piglit_test.py: no area is called %s; see --list" % sys.argv[1])
    if subprocess.run([os.path.join(ROOT, "tools/tree"), "have", TREE], check=False).returncode:
        print("the %s tree is not made (tools/test --programs makes it)" % TREE)
        return SKIPPED
    return run_area(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")


if __name__ == "__main__":
    sys.exit(main())
