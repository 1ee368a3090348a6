"""What this ran with: versions, as far as this user may read them."""

import glob
import os
import platform
import re
import subprocess


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def output(*command, **options):
    """A command's output; empty if it cannot be had."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, timeout=60, check=False,
                              **options)
        return done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cards():
    """GPUs with a render node: "renderD128: amdgpu 1002:1638 rev c8"."""
    found = []
    for node in sorted(glob.glob("/sys/class/drm/renderD*")):
        device = os.path.join(node, "device")
        driver = os.path.basename(os.path.realpath(os.path.join(device, "driver")))
        ids = [read(os.path.join(device, name)).replace("0x", "")
               for name in ("vendor", "device", "revision")]
        found.append("%s: %s %s:%s rev %s" % (os.path.basename(node), driver, *ids))
    return found


def firmware():
    """The firmware's versions, which only root may read: amdgpu's, and the two of i915 and xe."""
    paths = [path for name in ("amdgpu_firmware_info", "gt*/uc/guc_info", "gt*/uc/huc_info")
             for path in glob.glob("/sys/kernel/debug/dri/*/" + name)]
    texts = sorted(set(filter(None, map(read, paths))))
    return "\n".join(texts)


def kernel_log():
    """What the kernel said about GPUs."""
    return about_gpus(output("dmesg") or output("journalctl", "-k", "-b", "-o", "cat"))


def about_gpus(log):
    """The lines that name a GPU's driver or DRM. Of the kernel's command line, which is its owner's
    (disks, hosts, names), only the parameters of these."""
    lines = map(without_other_parameters, log.splitlines())
    return "\n".join(line for line in lines if re.search(r"amdgpu|\bi915\b|\bxe\b|\bdrm\b|\[drm", line))


def without_other_parameters(line):
    # As in "Kernel command line: ..." and in 'Unknown kernel command line parameters "...'.
    match = re.match(r"(?i)(.*?\bcommand line\b[^:\"]*[:\"]?)(.*)", line)
    if not match:
        return line
    words = re.split(r"[\s\"]+", match.group(2))
    kept = [word for word in words if re.match(r"(amdgpu|i915|xe|drm)\.", word)]
    return " ".join([match.group(1), *kept])


def os_name():
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', read("/etc/os-release"), re.MULTILINE)
    return match.group(1) if match else ""


def processor():
    match = re.search(r"^model name\s*: (.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    return "%s, %d threads" % (match.group(1) if match else "unknown", os.cpu_count())


def qemu(root, tree):
    return output(os.path.join(root, "tools/tree"), "run", tree, "qemu-system-x86_64",
                  "--version").partition("\n")[0]


def collect(root):
    commit = output("git", "-C", root, "rev-parse", "HEAD") or "unknown"
    if output("git", "-C", root, "status", "--porcelain", "-uno"):
        commit += " with changes"
    return {"Viaduct": commit, "kernel": platform.release(), "system": os_name(),
            "processor": processor(), "GPUs": "; ".join(cards()) or "none with a render node",
            "firmware": "firmware.txt" if firmware() else "not readable (root can read it)"}
