"""What valgrind and strace write, read: calls, allocations and system calls of a process."""

import collections
import json
import re

from cli import Failure


class Calls:
    """A file of callgrind's: how often each function was called, and what that cost, with all that
    it called, in instructions."""

    NAME = re.compile(r"^(c?)fn=\((\d+)\)(?: (.*))?$")

    def __init__(self, path):
        self.calls = collections.Counter()    # {(caller, callee): calls}
        self.costs = collections.Counter()    # {(caller, callee): instructions}
        names, caller, callee, count = {}, "", "", None
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if count is not None:  # the line after "calls=" has the cost
                    self.calls[caller, callee] += count
                    self.costs[caller, callee] += int(line.split()[1])
                    count = None
                elif match := self.NAME.match(line):
                    called, number, name = match.groups()
                    if name is not None:
                        names[number] = name
                    if called:
                        callee = names[number]
                    else:
                        caller = names[number]
                elif line.startswith("calls="):
                    count = int(line[len("calls="):].split()[0])
        if not self.calls:
            raise Failure("%s has no calls: did valgrind run?" % path)

    def of(self, pattern):
        """Calls of the functions whose names match, from others, and their cost."""
        matches = re.compile(pattern).search
        pairs = [pair for pair in self.calls if matches(pair[1]) and not matches(pair[0])]
        return sum(self.calls[pair] for pair in pairs), sum(self.costs[pair] for pair in pairs)

    def callers_of(self, pattern):
        """{caller: calls}"""
        counts = collections.Counter()
        for (caller, callee), count in self.calls.items():
            if re.search(pattern, callee):
                counts[caller] += count
        return counts


# The parts of a process, by the innermost function of this source: the loopback stands in for a
# monitor, the simulated GPU for a kernel.
PARTS = (("simulated GPU", re.compile(r"(?:^|\s)\(?simgpu::")),
         ("loopback", re.compile(r"(?:^|\s)\(?viaduct::loopback::")),
         ("library", re.compile(r"(?:^|\s)\(?viaduct::|virgl_renderer_")))


class Allocations:
    """A file of DHAT's: blocks allocated, by part and place."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            profile = json.load(file)
        # Without the address in front, and the parameters behind.
        frames = [frame.partition(": ")[2] or frame for frame in profile["ftbl"]]
        self.blocks = collections.Counter()  # {(part, place): blocks}
        for point in profile["pps"]:
            self.blocks[self.place([frames[index] for index in point["fs"]])] += point["tbk"]

    @staticmethod
    def place(stack):
        """Innermost first."""
        for frame in stack:
            name = frame.partition("(")[0]
            for part, pattern in PARTS:
                if pattern.search(name):
                    return part, frame
        return "other", stack[-1] if stack else ""


class SystemCalls:
    """A file of strace -f: {thread's id: {call: times}}. Calls that were resumed count once."""

    LINE = re.compile(r"^(\d+)\s+(?:\S+\s+)?([a-z_0-9]+)\(")

    def __init__(self, path):
        self.counts = collections.defaultdict(collections.Counter)
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if match := self.LINE.match(line):
                    self.counts[int(match.group(1))][match.group(2)] += 1
