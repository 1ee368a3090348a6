"""GPUs as VIADUCT_GPU names them (docs/env.md): which one a tool takes, and whose it is.

    python3 tools/lib/gpus.py default         prints the GPU of tools that are not told any
    python3 tools/lib/gpus.py vendor GPU      prints AMD or Intel; nothing if that is unknown
    python3 tools/lib/gpus.py can-draw GPU    status 1 if it only computes
"""

import glob
import os
import re
import sys

# The kernel's drivers that native contexts fit, and what the names of Mesa's devices contain.
VENDORS = {"amdgpu": "AMD", "i915": "Intel", "xe": "Intel"}
SIMULATED = "sim:renoir"
SIMULATED_INTEL = ("tgl", "mtl", "lnl", "bmg")
SYSFS = "/sys/class/drm"


def render_nodes(sysfs=SYSFS):
    """(name, kernel driver, PCI address) of each, by number."""
    found = []
    for node in glob.glob(os.path.join(sysfs, "renderD*")):
        device = os.path.realpath(os.path.join(node, "device"))
        driver = os.path.basename(os.path.realpath(os.path.join(device, "driver")))
        found.append((os.path.basename(node), driver, os.path.basename(device)))
    return sorted(found, key=lambda node: int(re.sub(r"\D", "", node[0]) or 0))


def default(sysfs=SYSFS):
    """auto where native contexts fit a GPU of this machine, else a simulated one."""
    fits = any(driver in VENDORS for _, driver, _ in render_nodes(sysfs))
    return "auto" if fits else SIMULATED


def vendor(gpu, sysfs=SYSFS):
    """Empty: there is no such GPU, or native contexts do not fit it."""
    if gpu.startswith("sim:"):
        return "Intel" if gpu[4:].startswith(SIMULATED_INTEL) else "AMD"
    for name, driver, address in render_nodes(sysfs):
        if driver in VENDORS and gpu in ("auto", "pci:" + address, "/dev/dri/" + name):
            return VENDORS[driver]
    return ""


def can_draw(gpu):
    """The simulated GPUs of Intel compute and copy (docs/simgpu.md)."""
    return not (gpu.startswith("sim:") and vendor(gpu) == "Intel")


def main(arguments):
    if arguments == ["default"]:
        print(default())
    elif len(arguments) == 2 and arguments[0] == "vendor":
        print(vendor(arguments[1]))
    elif len(arguments) == 2 and arguments[0] == "can-draw":
        return 0 if can_draw(arguments[1]) else 1
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
