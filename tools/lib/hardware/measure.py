"""viaduct-measure, bare and as a guest, in turn: what the way through Viaduct costs."""

import statistics
import subprocess
import threading

from cli import Failure

PROGRAM = "tools/measure-program/viaduct-measure"
MEASURES = {"submit": "submit", "round-trip": "round trip (submit and wait)",
            "memory": "allocate, map, free 1 MiB", "upload": "upload 1 MiB"}
WARM_UP = 3
PATIENCE = 120


class Program:
    """A running viaduct-measure."""

    def __init__(self, machine, log, command):
        # pylint: disable=consider-using-with
        self.log = open(machine.log_path(log), "w", encoding="utf-8")
        self.process = subprocess.Popen(command, env=machine.environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.device = self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.write("[%d]\n" % self.process.returncode)
        self.log.close()

    def answer(self):
        """Its next line; empty when it has ended, also when it had to be ended for its silence."""
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline().strip()
        timer.cancel()
        self.log.write(line + "\n")
        self.log.flush()
        return line

    def last_lines(self, count=4):
        """Of its log."""
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-count:]).strip()

    def send(self, request):
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words are still to be read

    def ask(self, request):
        self.send(request)
        return self.answer()

    def time(self, request):
        self.send(request)
        return self.time_of(request)

    def time_of(self, request):
        """Nanoseconds that the answer to this request, sent before, has."""
        name, _, value = self.answer().partition(" ")
        if name != request.partition(" ")[0]:
            raise Failure("viaduct-measure did not answer \"%s\": %s %s; %s has more"
                          % (request, name or "it ended", value, self.log.name))
        return int(value)


def compare(machine, rounds):
    """{measure: (median bare, median guest)} in nanoseconds."""
    times = {name: ([], []) for name in MEASURES}
    with Program(machine, "measure-bare", machine.bare(machine.path(PROGRAM))) as bare, \
            Program(machine, "measure-guest", machine.guest(machine.path(PROGRAM))) as guest:
        for number in range(WARM_UP + rounds):
            for name in MEASURES:
                # Neither always goes first.
                order = ((0, bare), (1, guest))
                for way, program in order if number % 2 else reversed(order):
                    nanoseconds = program.time(name)
                    if number >= WARM_UP:
                        times[name][way].append(nanoseconds)
    return {name: tuple(map(statistics.median, both)) for name, both in times.items()}


def medians(output):
    """{measure: nanoseconds} of one run's output, without its first rounds; empty if some lack."""
    times = {name: [] for name in MEASURES}
    for line in output.splitlines():
        name, _, value = line.partition(" ")
        if name in times and value.isdigit():
            times[name].append(int(value))
    if any(len(values) <= WARM_UP for values in times.values()):
        return {}
    return {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
