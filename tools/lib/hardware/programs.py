"""The guest programs of tests/guest: they compare every byte with the CPU's."""

import re

from .steps import FAILED, OK, SKIPPED, Step

# A hang is for --hang; memory that runs out is the machine's own and takes its users along.
FILTER = "--gtest_filter=-Trouble.*"
QUICK_FILTER = "--gtest_filter=Transfer.*65536B:Compute.*:Gles.*"
COMPUTE_FILTER = "--gtest_filter=Compute.*/Compute:Gles.ComputeWithAUniform"
PROGRAMS = {"Vulkan": "tests/guest/viaduct-guest-vulkan", "GLES": "tests/guest/viaduct-guest-gles"}
SECONDS = 1800


def cases(machine, quick):
    """The programs' argument that chooses what they run."""
    if not machine.can_draw:
        return COMPUTE_FILTER
    return QUICK_FILTER if quick else FILTER


def counts(output):
    """Passed, failed and skipped cases, as GoogleTest reports them at the end."""
    found = {}
    for word in ("PASSED", "FAILED", "SKIPPED"):
        match = re.search(r"^\[  %s ? ?\] (\d+) tests?" % word, output, re.MULTILINE)
        found[word] = int(match.group(1)) if match else 0
    return found["PASSED"], found["FAILED"], found["SKIPPED"]


def device(output):
    """The device that a program says it runs on, with its driver; empty if it does not."""
    match = re.search(r"^device: (.*)$(?:\n^driver: (.*)$)?", output, re.MULTILINE)
    return ", ".join(filter(None, match.groups())) if match else ""


def judge(name, status, output):
    passed, failed, skipped = counts(output)
    text = "%d passed, %d failed, %d skipped" % (passed, failed, skipped)
    if status is None:
        return Step(name, FAILED, text + "; it took more than %d s" % SECONDS)
    if status != 0 and not failed:
        text += "; it ended with status %d" % status
    return Step(name, OK if status == 0 and passed else FAILED, text)


def run(machine, quick, steps, devices):
    """Each program bare, then as a guest. Appends to steps; sets devices["bare" or "guest"] to the
    name of the device that was seen."""
    for way, command in (("bare", machine.bare), ("guest", machine.guest)):
        for name, program in PROGRAMS.items():
            status, output = machine.run("%s-%s" % (name.lower(), way), command(
                machine.path(program), cases(machine, quick)), SECONDS)
            steps.append(judge("%s, %s" % (name, way), status, output))
            devices.setdefault(way, device(output))
            yield_progress(steps[-1])
    if devices["bare"] != devices["guest"]:
        steps.append(Step("same GPU", SKIPPED, "bare: %s; guest: %s"
                          % (devices["bare"] or "none", devices["guest"] or "none")))


def yield_progress(step):
    print("   %-18s %-8s %s" % (step.name, step.verdict, step.text), flush=True)
