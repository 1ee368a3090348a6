#!/usr/bin/env python3
"""A compositor and its client, which people use, on the simulated GPU: Weston's GL renderer and glmark2.

    desktop_test.py CASE [BUILD]

Environment as for run_guest. Each runs on llvmpipe, bare on the simulated GPU and as a guest, with the
Mesa of Debian 13; case vm in a virtual machine, with the library of BUILD. Exits with 77 if its tree has
not been made (tools/test makes it).
"""

import os
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
sys.path[:0] = [os.path.join(ROOT, "tests/support"), os.path.join(ROOT, "tools/lib")]

import vm  # noqa: E402
from picture_file import read_png  # noqa: E402

TREE = "trixie"
SKIPPED = 77  # meson
SESSION = os.path.join(ROOT, "tools/lib/desktop-session")
# Who must draw, in both processes.
DRIVERS = {"software": "llvmpipe", "bare": "radeonsi", "guest": "radeonsi", "vm": "radeonsi"}
# A client that blurs a texture on the whole of the screen.
PICTURE_SIZE = (160, 120)
PICTURE_OF = ("--", "glmark2-es2-wayland", "--size", "%dx%d" % PICTURE_SIZE, "--benchmark",
              "effect2d:kernel=1,1,1;1,1,1;1,1,1:duration=60")

# llvmpipe filters textures of eight bits with weights of eight bits, and sums them as integers: nine of
# them, each 1/9 of a pixel, end at most this far from sums of floats.
TOLERANCE = 2


def check(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def run(way, *arguments):
    """A session (tools/lib/desktop-session) on Debian 13's Mesa: what it printed."""
    if way == "software":
        command = [os.path.join(ROOT, "tools/tree"), "run", TREE, "env", "LIBGL_ALWAYS_SOFTWARE=1"]
    else:
        command = [os.path.join(ROOT, "tests/integration/guest/run_guest"), TREE, way, "sim:renoir"]
    done = subprocess.run([*command, SESSION, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    return judged(way, done.returncode, done.stdout, done.stderr)


def judged(way, status, output, errors):
    """The output of a session, which must have succeeded on the right driver."""
    print("%s:\n%s%s" % (way, output, errors), flush=True)
    check(status == 0, "the session ended with %d" % status)
    check("viaduct-simgpu:" not in errors, "the GPU has something to report")
    compositor = [line for line in output.splitlines() if line.startswith("compositor ")]
    check(compositor and DRIVERS[way] in compositor[0], "Weston is not on %s" % DRIVERS[way])
    return output


def picture(way, folder):
    """The screen of a session with that client."""
    file = os.path.join(folder, way + ".png")
    run(way, "--size=%dx%d" % PICTURE_SIZE, "--picture=" + file, *PICTURE_OF)
    return read_png(file)


def case_picture():
    """A picture of the screen, by all three."""
    with tempfile.TemporaryDirectory() as folder:
        software, bare, guest = (picture(way, folder) for way in ("software", "bare", "guest"))
    check(software[:2] == bare[:2] == PICTURE_SIZE, "the sizes are %s, %s" % (software[:2], bare[:2]))
    check(len(set(software[2])) > 64, "nothing was drawn")
    worst = max(abs(a - b) for a, b in zip(bare[2], software[2]))
    print("the simulated GPU's picture differs from llvmpipe's by %d of 255" % worst)
    check(worst <= TOLERANCE, "that is more than %d" % TOLERANCE)
    check(guest == bare, "the guest's picture is not the bare one")


# In a virtual machine's guest: a session in the tree, which is shared, below the layer.
SESSION_IN_TREE = """cp {session} {layer} /tmp
for directory in dev proc sys tmp; do busybox mount -o rbind /$directory {tree}/$directory || exit; done
LD_PRELOAD=/tmp/$(basename {layer}) chroot {tree} /tmp/$(basename {session}) {arguments} &&
    cp /tmp/vm.png {picture}
"""


def case_vm(build):
    """The same picture from a guest of QEMU."""
    tree = vm.tool("tools/tree", "path", TREE)
    layer = os.path.join(build, "guest-mesa/layer/libviaduct-guest.so")
    with tempfile.TemporaryDirectory() as folder:
        bare = picture("bare", folder)
        file = os.path.join(folder, "vm.png")
        shares = [(os.path.dirname(SESSION), "ro"), (tree, "ro"), (folder, "rw")]
        with vm.VirtualMachine(build, shares=shares, progress=print) as machine:
            status, output = machine.run(SESSION_IN_TREE.format(
                session=SESSION, layer=layer, tree=tree, picture=file, arguments=shlex.join(
                    ["--size=%dx%d" % PICTURE_SIZE, "--picture=/tmp/vm.png", *PICTURE_OF])))
            judged("vm", status, output, machine.log("qemu.log"))
        check(read_png(file) == bare, "the guest's picture is not the bare one")


def case_validation():
    """glmark2's own check of a pixel of each scene (of 800x600, whatever is asked for)."""
    scenes = ("build", "texture", "shading", "bump")
    results = {}
    for way in ("bare", "guest"):
        output = run(way, "--size=160x120", "--", "glmark2-es2-wayland", "--validate",
                     *(word for scene in scenes for word in ("--benchmark", scene)))
        check(DRIVERS[way] in output.partition("GL_RENDERER")[2].partition("\n")[0],
              "glmark2 is not on " + DRIVERS[way])
        results[way] = [line.strip() for line in output.splitlines() if "Validation" in line]
        check(len(results[way]) == len(scenes), "not every scene ran")
        check(all(line.endswith("Success") for line in results[way]), "a pixel is wrong")
    check(results["guest"] == results["bare"], "the guest differs")


def main():
    if subprocess.run([os.path.join(ROOT, "tools/tree"), "have", TREE], check=False).returncode:
        print("the %s tree is not made (tools/test makes it)" % TREE)
        return SKIPPED
    if sys.argv[1] == "vm" and not vm.is_made("stock"):
        print("QEMU or the guest is not made (tools/test --long makes both)")
        return SKIPPED
    globals()["case_" + sys.argv[1]](*sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
