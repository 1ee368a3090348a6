"""Guest programs that work without a pause, and one that measures beside them."""

import contextlib
import random
import threading

from hardware.trouble import worker_of

# viaduct-measure's requests, and how often each is made.
WORK = {"check": 4, "round-trip 20": 4, "submit 100": 2, "memory 20": 2, "upload 3": 1,
        "small-buffers 1": 1}


class Resident(threading.Thread):
    """Asks a program for one piece of work after the other, and starts it again whenever somebody
    has ended it. One that fails for no such reason is a failure."""

    def __init__(self, vm, name, seed):
        super().__init__(name=name, daemon=True)
        self.vm = vm
        self.random = random.Random(seed)
        self.ending = threading.Event()
        self.lock = threading.Lock()  # of the next two
        self.program = None  # while it runs
        self.disturbed = False
        self.pieces = 0
        self.losses = 0
        self.failures = []

    def run(self):
        while not self.ending.is_set():
            try:
                self.live()
            except Exception as error:  # pylint: disable=broad-except
                self.fail("%s" % error)

    def live(self):
        """From one start of the program to its end."""
        program = self.vm.guests.program(self.name)
        with self.lock:
            self.program, self.disturbed = program, False
        answer = program.device
        right = answer.startswith("device ")
        while right and not self.ending.is_set():
            request = self.random.choices(list(WORK), list(WORK.values()))[0]
            answer = program.ask(request)
            right = answer.split(" ")[0] == request.split(" ")[0] and answer != "check wrong"
            self.pieces += right
        with self.lock:
            self.program = None
        program.close()
        if not right and self.disturbed:
            self.losses += 1
        elif not right:
            self.fail("its program %s; its log ends:\n%s" % (
                "said \"%s\"" % answer if answer else "ended", program.last_lines()))

    def fail(self, text):
        self.failures.append("%s, %s: %s" % (self.vm.name, self.name, text))
        self.ending.wait(1)

    def disturb(self, act):
        """act(program) may end it. False if it does not run just now, or act says so."""
        with self.lock:
            if not self.program:
                return False
            before, self.disturbed = self.disturbed, True
            done = act(self.program) is not False
            self.disturbed = done or before
            return done

    def worker(self):
        """The process of its context; None on threads, or before there is one."""
        return worker_of(self.name)


class Witness(threading.Thread):
    """Nobody disturbs its program, which makes a few round trips twenty times a second."""

    PAUSE, TRIPS = 0.05, 5

    def __init__(self, vm, name):
        super().__init__(name=name, daemon=True)
        self.vm = vm
        self.ending = threading.Event()
        self.times = []  # of one round trip, in seconds
        self.failures = []

    def run(self):
        try:
            with self.vm.guests.program(self.name) as program:
                while not self.ending.wait(self.PAUSE):
                    nanoseconds = program.time("round-trip %d" % self.TRIPS)
                    self.times.append(nanoseconds / self.TRIPS / 1e9)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append("%s, its undisturbed program: %s" % (self.vm.name, error))


@contextlib.contextmanager
def all_at_work(threads):
    """Started, and at the end waited for."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.ending.set()
        for thread in threads:
            thread.join()


def percentiles(times):
    """The median and the 99th percentile; None of too few."""
    ordered = sorted(times)
    if len(ordered) < 10:
        return None
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
