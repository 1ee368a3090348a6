"""What tools/soak does to guests, and how often."""

import contextlib
import os
import signal
import time


def process_of(program):
    """The program itself: its launcher's child. Not for a launcher that has just begun."""
    launcher = program.process.pid
    with open("/proc/%d/task/%d/children" % (launcher, launcher), encoding="utf-8") as file:
        children = file.read().split()
    return int(children[0]) if children else None


def signal_to(program, number):
    """False if it has ended."""
    with contextlib.suppress(OSError):
        process = process_of(program)
        if process:
            os.kill(process, number)
            return True
    return False


def kill_program(resident, _):
    """As a guest's kernel that is out of memory does."""
    return resident.disturb(lambda program: signal_to(program, signal.SIGKILL))


def kill_worker(resident, _):
    def act(__):
        worker = resident.worker()
        if not worker:
            return False
        os.kill(worker, signal.SIGKILL)
        return True
    return resident.disturb(act)


def hang_gpu(resident, _):
    """Its own context goes; whoever shares the ring waits for the kernel's recovery."""
    return resident.disturb(lambda program: program.send("hang"))


def stop_program(resident, chance):
    """For less than a second: nobody loses anything."""
    program = resident.program
    if not program or not signal_to(program, signal.SIGSTOP):
        return False
    try:
        time.sleep(chance.random())
    finally:
        signal_to(program, signal.SIGCONT)
    return True


def visit(resident, _):
    """A program that starts, looks whether all is right, and leaves."""
    with resident.vm.guests.program("visitor%d" % resident.vm.number) as program:
        answer = program.ask("check")
    if answer != "check ok":
        resident.fail("a new program said \"%s\"" % answer)
    return True


# How often, and its name in the report.
ALL = ((6, "programs killed", kill_program), (4, "workers killed", kill_worker),
       (4, "programs stopped for a while", stop_program),
       (6, "visitors", visit), (1, "hangs", hang_gpu))


def next_one(chance):
    """(its name, the function)"""
    _, name, act = chance.choices(ALL, [weight for weight, *_ in ALL])[0]
    return name, act
