"""What tools/bench --counts counts: figures per submission, the same on a busy machine.

Two runs of the same program, one with more submissions: the difference is theirs alone.
"""

import collections
import os
import signal
import shutil
import subprocess
import time

from cli import Failure
from hardware.trouble import worker_of

from . import profiles
from .ways import OTHER, PROCESS, THREAD

FEW, MANY, QUICK_FEW, QUICK_MANY = 200, 1200, 20, 60
REQUEST = "round-trip %d"
PATIENCE = 60  # seconds

SUBMIT, FENCE = r"^virgl_renderer_submit_cmd$", r"^virgl_renderer_context_create_fence$"
RECORDS = r"^viaduct::Worker::process_records\("
# The worker's; another library reaches the kernel through the preloaded node.
IOCTL, OTHERS_IOCTL = r"MarkedDevice::ioctl\(", r"^ioctl$"
MONITOR, SIMULATED = "monitor", "simulated GPU"
TOOLS = {"callgrind": ("--callgrind-out-file=", ()), "dhat": ("--dhat-out-file=", (
    "--num-callers=32",))}


def require_programs():
    for program in ("valgrind", "strace"):
        if not shutil.which(program):
            raise Failure("--counts needs %s: install the package of that name" % program)


def slow(way):
    """Nothing is late only because valgrind is. What is counted is the way through the monitor."""
    way.machine.environment.update(VIADUCT_DEADLINE_MS="60000", VIADUCT_WATCHDOG_MS="600000",
                                   VIADUCT_GUEST_RING="off")


def under_valgrind(way, tool, submissions):
    """The path of what the tool wrote about the virtual machine's process."""
    option, more = TOOLS[tool]
    path = "%s-%s-%d.out" % (os.path.join(way.machine.folder, way.log), tool, submissions)
    if os.path.exists(path):
        os.remove(path)
    slow(way)
    with way:
        way.start(wrapper=["valgrind", "-q", "--tool=" + tool, option + path, *more])
        way.programs(1)[0].time(REQUEST % submissions)
    if not os.path.exists(path):
        raise Failure("valgrind wrote no %s; %s-server.log has more" % (
            path, os.path.join(way.machine.folder, way.log)))
    return path


def ends(quick):
    return (QUICK_FEW, QUICK_MANY) if quick else (FEW, MANY)


class Count:
    """One row: {way's key: value}, and what it is made of."""

    def __init__(self, title):
        self.title = title
        self.values, self.details = {}, {}

    def set(self, way, value, details=None):
        self.values[way.key] = value
        self.details[way.key] = {name: share for name, share in (details or {}).items()
                                 if share >= 0.05}


class Counts:
    """All rows, filled way by way. make_way() is a new one, not started."""

    def __init__(self, quick):
        self.few, self.many = ends(quick)
        self.more = self.many - self.few
        self.submit = Count("instructions per virgl_renderer_submit_cmd")
        self.fence = Count("instructions per virgl_renderer_context_create_fence")
        self.worker = Count("instructions of the worker per submission and fence")
        self.ioctls = Count("GPU ioctls")
        self.allocations = Count("allocations")
        self.system_calls = Count("system calls of the library's threads")
        self.monitors_calls = Count("system calls of the monitor's threads")
        self.rows = [self.submit, self.fence, self.worker, self.ioctls, self.allocations,
                     self.system_calls, self.monitors_calls]

    def measure(self, make_way, say):
        way = make_way()
        say("%s: instructions" % way.title)
        self.count_instructions(make_way)
        say("%s: allocations" % way.title)
        self.count_allocations(make_way)
        say("%s: system calls" % way.title)
        self.count_system_calls(make_way())

    def count_instructions(self, make_way):
        way = make_way()
        few, many = (profiles.Calls(under_valgrind(make_way(), "callgrind", submissions))
                     for submissions in (self.few, self.many))

        def per_call(pattern):
            (calls, cost), (more_calls, more_cost) = few.of(pattern), many.of(pattern)
            return (more_cost - cost) / max(more_calls - calls, 1)

        def per_submission(pattern, part):
            return (many.of(pattern)[part] - few.of(pattern)[part]) / self.more

        self.submit.set(way, per_call(SUBMIT))
        self.fence.set(way, per_call(FENCE))
        # A worker in a process of its own is not under valgrind.
        if way.key == PROCESS:
            return
        ioctl = IOCTL if way.key == THREAD else OTHERS_IOCTL
        callers = many.callers_of(ioctl)
        callers.subtract(few.callers_of(ioctl))
        self.ioctls.set(way, sum(callers.values()) / self.more,
                        {name: calls / self.more for name, calls in callers.items()})
        if way.key == THREAD:
            self.worker.set(way, per_submission(RECORDS, 1) - per_submission(ioctl, 1))

    def count_allocations(self, make_way):
        way = make_way()
        few, many = (profiles.Allocations(under_valgrind(make_way(), "dhat", submissions)).blocks
                     for submissions in (self.few, self.many))
        # Of another library only that its allocations are nobody else's can be told.
        parts = ("library", "other") if way.key == OTHER else ("library",)
        more = {place: (blocks - few[part, place]) / self.more
                for (part, place), blocks in many.items() if part in parts}
        self.allocations.set(way, sum(max(share, 0) for share in more.values()), more)

    def count_system_calls(self, way):
        """Of the virtual machine's process and, if there is one, of the worker."""
        slow(way)
        with way:
            way.start()
            name = "b%d" % os.getpid()  # its worker is called so, and no other
            program = way.stack.enter_context(way.guests.program(name))
            program.time(REQUEST % self.few)
            server = way.guests.process.pid
            worker = worker_of(name) if way.key == PROCESS else None
            roles = roles_of(server)
            if worker:
                roles.update(roles_of(worker))
            path = os.path.join(way.machine.folder, way.log + "-strace.out")
            with Tracer(path, [server] + ([worker] if worker else [])):
                program.time(REQUEST % self.more)
        counts = collections.Counter()
        for thread, calls in profiles.SystemCalls(path).counts.items():
            for call, times in calls.items():
                counts[roles.get(thread, MONITOR), call] += times / self.more
        for row, own in ((self.system_calls, lambda role: role not in (MONITOR, SIMULATED)),
                         (self.monitors_calls, lambda role: role == MONITOR)):
            some = {"%s: %s" % place: share for place, share in counts.items() if own(place[0])}
            row.set(way, sum(some.values()), some)


def threads(process):
    return [int(name) for name in os.listdir("/proc/%d/task" % process)]


def roles_of(process):
    """{thread: whose it is}, by the names of the threads. A thread has its creator's name unless it
    is given another: those of a simulated GPU are called like the worker, which is older."""
    roles, workers = {}, 0
    for thread in sorted(threads(process)):
        with open("/proc/%d/task/%d/comm" % (process, thread), encoding="utf-8") as file:
            name = file.read().strip()
        if name.startswith("vw:"):
            roles[thread] = SIMULATED if workers else "worker"
            workers += 1
        else:
            roles[thread] = MONITOR if name.startswith("viaduct-loop") else name
    return roles


class Tracer:
    """strace of these processes, from when they are attached to."""

    def __init__(self, path, processes):
        self.command = ["strace", "-f", "-o", path, "-e", "signal=none"]
        for process in processes:
            self.command += ["-p", str(process)]
        self.processes = processes
        self.process = None

    def __enter__(self):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        deadline = time.monotonic() + PATIENCE
        while not all(is_traced(thread) for process in self.processes
                      for thread in threads(process)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise Failure("strace cannot attach to the processes it is to count: %s" %
                              self.process.communicate()[1].strip())
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def is_traced(thread):
    try:
        with open("/proc/%d/status" % thread, encoding="utf-8") as file:
            return "\nTracerPid:\t0\n" not in file.read()
    except FileNotFoundError:
        return True  # it has just ended


def table(counts, ways):
    """Header and rows of strings."""
    rows = [["per submission, waited for"] + [way.title for way in ways]]
    for row in counts.rows:
        rows.append([row.title] + ["%.1f" % row.values[way.key] if way.key in row.values else "–"
                                   for way in ways])
    return rows


def details(counts, ways):
    """What the figures are made of, a line each, the largest first."""
    lines = []
    for row in (counts.ioctls, counts.allocations, counts.system_calls, counts.monitors_calls):
        for way in ways:
            shares = row.details.get(way.key)
            if shares:
                lines.append("\n%s, %s:" % (row.title, way.title))
                lines += ["  %6.2f  %s" % (share, name) for name, share in sorted(
                    shares.items(), key=lambda item: -item[1])]
    return "\n".join(lines) + "\n"
