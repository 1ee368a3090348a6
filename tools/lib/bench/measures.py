"""What tools/bench measures, and how often: rates, in operations per second."""

import dataclasses
import json
import statistics
import subprocess

from cli import Failure


@dataclasses.dataclass(frozen=True)
class Measure:
    """`request` is viaduct-measure's, asked for `count` pieces at a time (`quick` with --quick)."""

    key: str
    title: str
    request: str
    count: int
    quick: int
    programs: int = 1  # guest processes that do it at the same time, each with a context
    floor: str = ""  # the request for the least that it can cost

    def pieces(self, quick):
        return self.quick if quick else self.count


def contexts(count):
    return Measure("contexts-%d" % count, "submit and wait, %d context%s" % (
        count, "" if count == 1 else "s at once"), "round-trip", 200, 20, programs=count)


SINGLE = (
    Measure("submit", "submit", "submit", 2000, 100, floor="floor-submit"),
    Measure("round-trip", "submit and wait", "round-trip", 500, 20, floor="floor-round-trip"),
    Measure("memory", "allocate, map, free 1 MiB", "memory", 300, 10),
    Measure("upload", "upload 1 MiB", "upload", 100, 5),
    Measure("small-buffers", "64 buffers of 4 KiB, one submission", "small-buffers", 10, 2),
)
# It needs a GPU that executes: its pictures are compared with the CPU's. That is not in its time.
DEMO = Measure("demo", "frames of the demo's cube, executed", "", 6, 1)
DEMO_PROGRAM = "tools/demo-program/viaduct-demo"


def spread(rates):
    """Half the width of the middle half, in per cent of the median; of all where there are few."""
    middle = statistics.median(rates)
    if len(rates) < 4:
        low, high = min(rates), max(rates)
    else:
        low, _, high = statistics.quantiles(rates, n=4)
    return 100 * (high - low) / 2 / middle


class Results:
    """{measure's key: {way's key: rates}}, in the order in which they came."""

    def __init__(self):
        self.rates = {}

    def add(self, measure, way, rate):
        self.rates.setdefault(measure.key, {}).setdefault(way, []).append(rate)

    def median(self, measure, way):
        rates = self.rates.get(measure.key, {}).get(way)
        return statistics.median(rates) if rates else None

    def spread(self, measure, way):
        return spread(self.rates[measure.key][way])

    def ratio(self, measure, way, base):
        mine, others = self.median(measure, way), self.median(measure, base)
        return mine / others if mine and others else None


def rate_of(way, measure, quick):
    """One sample."""
    count = measure.pieces(quick)
    if way.executes:
        return demo_rate(way, count)
    request = "%s %d" % (measure.request, count)
    programs = way.programs(measure.programs)
    for program in programs:
        program.send(request)
    longest = max(program.time_of(request) for program in programs)
    return count * len(programs) * 1e9 / longest


def demo_rate(way, frames):
    report = way.machine.log_path(way.log + "-report")
    with open(way.machine.log_path(way.log), "w", encoding="utf-8") as log:
        status = subprocess.run(
            way.command(way.machine.path(DEMO_PROGRAM), "--scene=cube", "--width=320",
                        "--height=240", "--frames=%d" % frames, "--report=" + report),
            env=way.machine.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            check=False).returncode
    if status != 0:
        raise Failure("the demo failed, %s; %s has more" % (way.title, log.name))
    with open(report, encoding="utf-8") as file:
        times = json.load(file)["times_ns"]
    return frames * 1e9 / sum(times[part] for part in ("upload", "work", "readback"))


def floor_rate(way, measure, quick):
    count = measure.pieces(quick)
    return count * 1e9 / way.programs(1)[0].time("%s %d" % (measure.floor, count))


def run(ways, measure, results, rounds, quick):
    """Adds a sample of each way per round. Each round begins with another way, so that whatever
    else the machine does meets all of them."""
    for number in range(1 + rounds):  # the first one warms up
        turn = number % len(ways)
        for way in ways[turn:] + ways[:turn]:
            rate = rate_of(way, measure, quick)
            if number:
                results.add(measure, way.key, rate)
        if measure.floor and number:
            results.add(measure, "floor", floor_rate(ways[0], measure, quick))
