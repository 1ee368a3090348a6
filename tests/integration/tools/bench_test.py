#!/usr/bin/env python3
"""tools/bench: its table, its picture, how it reads what profilers write, and its messages. The
programs that it runs are scripts here, with times that are made up."""

import json
import os
import sys
import subprocess
import tempfile
import types
import unittest
import xml.etree.ElementTree as ElementTree
from unittest import mock

from common import TOOLS, output_of
from bench import idle, machine, measures, profiles, tables
from bench.ways import BARE, OTHER, PROCESS, THREAD, VM
from hardware.steps import Machine
import cli

# Answers like viaduct-measure: each piece takes the nanoseconds that the way has.
MEASURE = """#!/usr/bin/env python3
import os, sys
if os.environ.get("VIADUCT_SIMGPU_NULL") != "1": sys.exit("not on the GPU that executes nothing")
piece = {"bare": 1000, "thread": 2000, "process": 4000, "other": 8000}[
    os.environ.get("WAY", "bare")]
print("device A GPU, a driver 1.0", flush=True)
for line in sys.stdin:
    name, count = line.split()
    print(name, int(count) * (500 if name.startswith("floor") else piece), flush=True)
"""
# Writes the report of viaduct-demo.
DEMO = """#!/usr/bin/env python3
import json, os, sys
if os.environ.get("VIADUCT_SIMGPU_NULL") != "0": sys.exit("on a GPU that executes nothing")
path = [word for word in sys.argv if word.startswith("--report=")][0].partition("=")[2]
json.dump({"times_ns": {"setup": 1, "upload": 1000, "work": 2000, "readback": 1000, "check": 7}},
          open(path, "w"))
"""
# Serves nothing until its lifeline ends, or runs the command that it is given; tells it its way.
LOOPBACK = """#!/usr/bin/env python3
import os, sys
words = sys.argv[1:]
if "--serve" in words:
    way = os.environ["VIADUCT_ISOLATION"]
    if any(word.startswith("--library=") for word in words): way = "other"
    with open(words[words.index("--serve") + 1], "w") as file: file.write(way)
    lifeline = int(words[words.index("--lifeline-fd") + 1])
    os.write(lifeline, b"R")
    os.read(lifeline, 1)
else:
    with open(words[words.index("--connect") + 1]) as file: os.environ["WAY"] = file.read()
    command = words[words.index("--") + 1:]
    os.execv(command[0], command)
"""


class IdleProcessors(unittest.TestCase):
    def states(self, *names):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for number, name in enumerate(names):
            with open(os.path.join(folder.name, "cpu%d" % number), "w", encoding="ascii") as file:
                file.write(name + "\n")
        return os.path.join(folder.name, "cpu*")

    def test_may_take_no_time_to_wake(self):
        with tempfile.NamedTemporaryFile() as file:
            with idle.kept_awake(file.name, self.states("POLL", "POLL")) as awake:
                self.assertTrue(awake)
                self.assertEqual(file.read(), b"\0\0\0\0")

    def test_halt_where_they_know_nothing_else(self):
        with tempfile.NamedTemporaryFile() as file:
            for names in (), ("WFI",), ("POLL", "C1"):
                with idle.kept_awake(file.name, self.states(*names)) as awake:
                    self.assertFalse(awake, names)

    def test_halt_where_they_cannot_be_kept_awake(self):
        with idle.kept_awake("/nowhere/at/all") as awake:
            self.assertFalse(awake)


class Run(unittest.TestCase):
    """A whole run."""

    PROGRAMS = {"tools/measure-program/viaduct-measure": MEASURE,
                "tools/demo-program/viaduct-demo": DEMO,
                "tests/loopback/viaduct-loopback": LOOPBACK}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = folder.name
        for relative, text in self.PROGRAMS.items():
            path = os.path.join(self.build, relative)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o755)

    def bench(self, *options):
        return output_of(os.path.join(TOOLS, "bench"), "--no-build", "--build=" + self.build,
                         "--quick", *options)

    def row(self, output, title):
        line = next(line for line in output.splitlines() if line.startswith(title + "  "))
        return [cell for cell in line[len(title):].split("  ") if cell.strip()]

    def test_the_table_has_all_ways_and_their_ratios(self):
        other = os.path.join(self.build, "tests/loopback/viaduct-loopback")  # any file
        done = self.bench("--peer=" + other)
        self.assertEqual(done.returncode, 0, done.stdout)
        cells = [cell.strip() for cell in self.row(done.stdout, "submit")]
        self.assertEqual(cells, ["2 000 000 ±0 %", "1 000 000 ±0 %", "125 000 ±0 %",
                                 "500 000 ±0 %", "250 000 ±0 %", "0.50", "0.25", "4.00", "2.00"])
        # Two programs at once do twice as much; nothing but crossings has a floor.
        cells = self.row(done.stdout, "submit and wait, 2 contexts at once")
        self.assertEqual([cell.strip() for cell in cells[:2]], ["2 000 000 ±0 %", "250 000 ±0 %"])
        cells = self.row(done.stdout, "frames of the demo's cube, executed")
        self.assertIn("250 000 ±0 %", cells[0])
        self.assertIn("A GPU, a driver 1.0 on sim:renoir; samples: 3 (of the demo 3)", done.stdout)

    def test_files_are_written_and_other_measures_left_out(self):
        files = {name: os.path.join(self.build, name) for name in ("table.md", "plot.svg")}
        done = self.bench("--only=memory", "--markdown=" + files["table.md"],
                          "--plot=" + files["plot.svg"])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("upload", done.stdout)
        with open(files["table.md"], encoding="utf-8") as file:
            text = file.read()
        self.assertIn("| per second | bare | thread mode | process mode | thread / bare | "
                      "process / bare |\n|---|--:|--:|--:|--:|--:|\n"
                      "| allocate, map, free 1 MiB | 1 000 000 ±0 % |", text)
        picture = ElementTree.parse(files["plot.svg"])
        self.assertEqual(len(picture.findall(".//{*}rect")), 1 + 2 * 3)  # back, legend, bars

    def test_a_program_that_fails_is_a_sentence(self):
        path = os.path.join(self.build, "tools/measure-program/viaduct-measure")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho device none\nread line\necho lost\n")
        done = self.bench()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, "tools/bench: viaduct-measure did not answer \"submit 100\": "
                         "lost ; .*/bench-logs/bare-program-0.log has more\n$")

    def test_a_library_that_does_not_start_is_a_sentence(self):
        path = os.path.join(self.build, "tests/loopback/viaduct-loopback")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit 1\n")
        done = self.bench()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, "tools/bench: the loopback's server did not start; "
                         "thread-server.log has more\n$")


class Options(unittest.TestCase):
    def test_mistakes_are_sentences(self):
        for options, expected in (
                (["--rounds=0"], "\"0\" is not a number from 1 to 1000"),
                (["--contexts=1,x"], "\"x\" is not a number from 1 to 64"),
                (["--only=submit,all"], "\"all\" is not one of submit, round-trip, "),
                (["--peer=/nonexistent"], "there is no file /nonexistent; name a libvirglrenderer"),
                (["--counts", "--plot=x"], "--counts takes no --vm, --plot"),
                (["--docs", "--quick"], "--docs needs full samples")):
            done = output_of(os.path.join(TOOLS, "bench"), *options)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn("tools/bench: error: ", done.stdout.splitlines()[-1])
            self.assertIn(expected, done.stdout.splitlines()[-1])


class Table(unittest.TestCase):
    def results(self):
        results = measures.Results()
        for way, rates in ((BARE, [90, 100, 110]), (THREAD, [40, 50, 60]), (PROCESS, [20, 25, 26])):
            for rate in rates:
                results.add(measures.DEMO, way, rate)
        return results

    def test_medians_and_spreads(self):
        results = self.results()
        self.assertEqual(results.median(measures.DEMO, THREAD), 50)
        self.assertEqual(results.spread(measures.DEMO, THREAD), 20)
        self.assertEqual(results.ratio(measures.DEMO, PROCESS, BARE), 0.25)
        self.assertIsNone(results.ratio(measures.DEMO, PROCESS, OTHER))
        self.assertAlmostEqual(measures.spread([1, 10, 10, 10, 10, 10, 10, 99]), 0)

    def test_numbers_have_groups_and_three_digits(self):
        self.assertEqual([tables.number(value) for value in (1234567, 428.4, 42.84)],
                         ["1 234 567", "428", "42.8"])

    def test_a_section_is_replaced_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "page.md")
            with open(page, "w", encoding="utf-8") as file:
                file.write("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n<!-- begin: y -->\n")
            tables.replace_section(page, "x", "new\n")
            with open(page, encoding="utf-8") as file:
                self.assertEqual(file.read(), "a\n<!-- begin: x -->\n\nnew\n\n<!-- end: x -->\nb\n"
                                 "<!-- begin: y -->\n")
            for name in ("y", "z"):
                with self.assertRaisesRegex(cli.Failure, "has no section between"):
                    tables.replace_section(page, name, "")


class VirtualMachine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.way = machine.VirtualMachine(Machine("/build", "sim:renoir", folder.name))

    def measure(self, output):
        results = measures.Results()
        with mock.patch.object(subprocess, "run", return_value=types.SimpleNamespace(
                stdout=output)) as run:
            self.way.measure(measures.SINGLE, results, quick=True)
        return results, run.call_args

    def test_its_first_round_warms_up(self):
        rounds = ["submit %d\nround-trip 1000\nmemory 1000\nupload 1000\n" % nanoseconds
                  for nanoseconds in (9, 100_000, 100_000)]
        results, call = self.measure("device x\n" + "".join(rounds))
        self.assertEqual(results.rates["submit"][VM], [1e6, 1e6])
        self.assertNotIn("small-buffers", results.rates)
        self.assertIn("'submit 100' 'round-trip 20' 'memory 10' 'upload 5'", call.args[0][-1])
        self.assertEqual(call.kwargs["env"]["VIADUCT_SIMGPU_NULL"], "1")

    def test_a_guest_that_fails_is_a_sentence(self):
        with self.assertRaisesRegex(cli.Failure, "failed in the virtual machine; .*vm.log has"):
            self.measure("device x\nsubmit 9\nlost\n")


class Profiles(unittest.TestCase):
    """Files as callgrind 3.19, DHAT and strace 6.1 write them, shortened."""

    def write(self, text):
        # pylint: disable=consider-using-with
        file = tempfile.NamedTemporaryFile("w", suffix=".out", encoding="utf-8")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_calls_and_costs_with_what_was_called(self):
        calls = profiles.Calls(self.write(
            "version: 1\nevents: Ir\n\nfl=(1) a.cpp\nfn=(1) main\n16 4\n"
            "cfn=(2) virgl_renderer_submit_cmd\ncalls=3 20\n17 300\n"
            "cfn=(3) f(int)\ncalls=1 5\n18 7\n\n"
            "fn=(2)\n20 50\ncfn=(3)\ncalls=6 5\n+1 250\n"
            "cfn=(2)\ncalls=9 20\n* 11\n"))
        # Its own recursion is within the first.
        self.assertEqual(calls.of("^virgl_renderer_submit_cmd$"), (3, 300))
        self.assertEqual(calls.of(r"^f\("), (7, 257))
        self.assertEqual(calls.callers_of(r"^f\("), {"main": 1, "virgl_renderer_submit_cmd": 6})

    def test_an_empty_profile_is_a_sentence(self):
        with self.assertRaisesRegex(cli.Failure, "has no calls"):
            profiles.Calls(self.write("version: 1\n"))

    def test_allocations_belong_to_the_innermost_part(self):
        frames = ["[root]", "0x1: operator new(unsigned long) (vg_replace_malloc.c:334)",
                  "0x2: std::vector<viaduct::loopback::X>::push_back (vector:1)",
                  "0x3: viaduct::Outbox::send(viaduct::Record) (outbox.cpp:50)",
                  "0x4: viaduct::loopback::Server::run() (server.cpp:9)",
                  "0x5: simgpu::sched::Ring::submit(std::shared_ptr<Job>) (ring.cpp:70)",
                  "0x6: main (main.cpp:1)"]
        points = [([1, 2, 3, 4, 6], 10), ([1, 5, 3, 4], 20), ([1, 4, 6], 30), ([1, 6], 40)]
        allocations = profiles.Allocations(self.write(json.dumps({
            "ftbl": frames, "pps": [{"fs": stack, "tbk": blocks} for stack, blocks in points]})))
        self.assertEqual({part: blocks for (part, _), blocks in allocations.blocks.items()},
                         {"library": 10, "simulated GPU": 20, "loopback": 30, "other": 40})

    def test_system_calls_are_counted_by_thread(self):
        calls = profiles.SystemCalls(self.write(
            "12 futex(0x1, FUTEX_WAIT <unfinished ...>\n13 poll([], 0, 0) = 0\n"
            "12 <... futex resumed>) = 0\n12 futex(0x1, FUTEX_WAKE, 1) = 1\n"
            "13 +++ exited with 0 +++\n"))
        self.assertEqual(calls.counts, {12: {"futex": 2}, 13: {"poll": 1}})


if __name__ == "__main__":
    unittest.main()
