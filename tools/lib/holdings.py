"""What processes hold: descriptors, threads, memory. As a program, what a whole machine's hold except
for programs that its arguments name, for Xen's dom0 (xen.py): it needs nothing but Python.
"""

import json
import os
import sys


class Holdings:
    """What processes hold: what a leak would raise."""

    # Growth that is not a leak: QEMU's translated code, its allocator's and llvmpipe's
    # caches.
    MEMORY_SLACK_MIB = 96

    def __init__(self, processes=()):
        self.counts = {"processes": 0, "descriptors": 0, "threads": 0, "shared mappings": 0,
                       "KiB": 0}
        for process in processes:
            try:
                self.add("/proc/%d/" % process)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended

    def add(self, folder):
        descriptors = len(os.listdir(folder + "fd"))
        with open(folder + "maps", encoding="utf-8") as file:
            mappings = sum(line.split()[1].endswith("s") for line in file)
        with open(folder + "status", encoding="utf-8") as file:
            status = dict(line.split(":", 1) for line in file)
        if "RssAnon" not in status:
            return  # it has ended, and nobody has asked for its exit status yet
        # Memory of its own; the guest's is shared and only grows.
        for name, count in (("processes", 1), ("descriptors", descriptors),
                            ("threads", int(status["Threads"])), ("shared mappings", mappings),
                            ("KiB", int(status["RssAnon"].split()[0]))):
            self.counts[name] += count

    def fits(self, before):
        slack = dict.fromkeys(("KiB", "KiB in use"), self.MEMORY_SLACK_MIB << 10)
        return all(count <= before.counts[name] + slack.get(name, 0)
                   for name, count in self.counts.items())

    def __str__(self):
        return ", ".join("%d %s" % (count, name) for name, count in self.counts.items())


def of_this_machine(except_for):
    """The counts of all processes but the kernel's threads, and what outlives processes."""
    processes = [int(name) for name in filter(str.isdigit, os.listdir("/proc"))
                 if program_of(name) not in ("", *except_for)]
    counts = Holdings(processes).counts
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = {line.split(":")[0]: int(line.split()[1]) for line in file}
    counts["files in /dev/shm"] = len(os.listdir("/dev/shm"))
    counts["KiB in use"] = memory["MemTotal"] - memory["MemAvailable"]
    return counts


def program_of(process):
    """The name of its file; empty: it has none, or has just ended."""
    try:
        return os.path.basename(os.readlink("/proc/%s/exe" % process))
    except OSError:
        return ""


if __name__ == "__main__":
    print(json.dumps(of_this_machine(sys.argv[1:])))
