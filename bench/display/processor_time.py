"""Processor time of processes, in ms: of the main thread, and of the others."""

import os


class ProcessorTime:
    def __init__(self, main=0.0, others=None):
        self.main = main
        self.others = others or {}  # by the threads' names

    @staticmethod
    def of(process):
        """proc(5): /proc/PID/task/TID/schedstat has nanoseconds first."""
        time = ProcessorTime()
        for thread in os.listdir("/proc/%d/task" % process):
            folder = "/proc/%d/task/%s/" % (process, thread)
            try:
                with open(folder + "schedstat", encoding="ascii") as file:
                    spent = int(file.read().split()[0]) / 1e6
                with open(folder + "comm", encoding="utf-8", errors="replace") as file:
                    name = file.read().strip()
            except FileNotFoundError:
                continue  # it has just ended
            if int(thread) == process:
                time.main = spent
            else:
                time.others[name] = time.others.get(name, 0.0) + spent
        return time

    def since(self, before):
        return ProcessorTime(self.main - before.main,
                             {name: spent - before.others.get(name, 0.0) for name, spent in self.others.items()})

    def plus(self, more):
        names = self.others.keys() | more.others.keys()
        return ProcessorTime(self.main + more.main,
                             {name: self.others.get(name, 0.0) + more.others.get(name, 0.0) for name in names})

    def each_of(self, number):
        return ProcessorTime(self.main / number, {name: spent / number for name, spent in self.others.items()})

    @property
    def rest(self):
        return sum(self.others.values())

    @property
    def all(self):
        return self.main + self.rest
