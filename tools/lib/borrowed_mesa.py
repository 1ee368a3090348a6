"""Another release's Mesa for a guest of tools/vm: its drivers, with all libraries that they need,
copied out of a Debian tree or off this machine into one directory."""

import os
import re
import shutil
import subprocess

from cli import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"

# Relative to LIBRARIES. A release has one of the last two.
DRIVERS = ("libvulkan_radeon.so", "libEGL_mesa.so.0", "libGLESv2.so.2", "libEGL.so.1", "libgbm.so.1",
           "libvulkan.so.1", "dri/radeonsi_dri.so", "gbm/dri_gbm.so")
# The C and C++ libraries stay the guest's: they fit its dynamic linker, and run what was built
# against older ones.
GUESTS_OWN = re.compile(r"(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|stdc\+\+|gcc_s))\.so")


def copy(source, directory):
    """Copies Mesa from `source`, the name of a tree in tools/trees/ or "host", into `directory`.
    Returns the variables by which a program finds it there."""
    prefix, within = "", []
    if source != "host":
        tree = os.path.join(ROOT, "tools/tree")
        prefix = _output(tree, "path", source).splitlines()[-1]
        within = [tree, "run", source]
    drivers = [name for name in DRIVERS if os.path.exists(prefix + LIBRARIES + name)]
    if "libvulkan_radeon.so" not in drivers:
        raise Failure("%s has no radv: install mesa-vulkan-drivers" % source)
    paths = {LIBRARIES + name: name for name in drivers}
    for path in re.findall(r"(/\S+) \(0x", _output(*within, "ldd", *paths)):
        if not GUESTS_OWN.match(os.path.basename(path)):
            paths.setdefault(path, os.path.basename(path))
    for path, name in paths.items():
        target = os.path.join(directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(prefix + path, target)
    icd = os.path.join(directory, "radeon_icd.json")
    with open(icd, "w", encoding="utf-8") as file:
        file.write('{"file_format_version": "1.0.0", "ICD": {"api_version": "1.3.0", '
                   '"library_path": "%s/libvulkan_radeon.so"}}\n' % directory)
    return {
        "LD_LIBRARY_PATH": directory,
        "VK_DRIVER_FILES": icd,
        "VK_ICD_FILENAMES": icd,  # loaders before 1.3.207
        "LIBGL_DRIVERS_PATH": directory + "/dri",
        "GBM_BACKENDS_PATH": directory + "/gbm",
    }


def _output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
