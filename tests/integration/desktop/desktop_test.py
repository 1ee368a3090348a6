#!/usr/bin/env python3
"""A compositor and its client, which people use, on the simulated GPU: Weston's GL renderer and glmark2.

    desktop_test.py CASE

Environment as for run_guest. Each runs on llvmpipe, bare on the simulated GPU and as a guest, with the
Mesa of Debian 13. Exits with 77 if its tree has not been made (tools/test makes it).
"""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(ROOT, "tests/support"))

from picture_file import read_png  # noqa: E402

TREE = "trixie"
SKIPPED = 77  # meson
SESSION = os.path.join(ROOT, "tools/lib/desktop-session")
# Who must draw, in both processes.
DRIVERS = {"software": "llvmpipe", "bare": "radeonsi", "guest": "radeonsi"}

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
    print("%s:\n%s%s" % (way, done.stdout, done.stderr), flush=True)
    check(done.returncode == 0, "the session ended with %d" % done.returncode)
    check("viaduct-simgpu:" not in done.stderr, "the GPU has something to report")
    compositor = [line for line in done.stdout.splitlines() if line.startswith("compositor ")]
    check(compositor and DRIVERS[way] in compositor[0], "Weston is not on %s" % DRIVERS[way])
    return done.stdout


def case_picture():
    """A picture of the screen: the client's blurred texture, on the whole of it."""
    pictures = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in DRIVERS:
            file = os.path.join(folder, way + ".png")
            run(way, "--size=160x120", "--picture=" + file, "--", "glmark2-es2-wayland", "--size",
                "160x120", "--benchmark",
                "effect2d:kernel=1,1,1;1,1,1;1,1,1:duration=60")
            pictures[way] = read_png(file)
    width, height, expected = pictures["software"]
    check((width, height) == (160, 120), "%dx%d" % (width, height))
    check(len(set(expected)) > 64, "nothing was drawn")
    check(pictures["bare"][:2] == (width, height), "the sizes differ")
    worst = max(abs(a - b) for a, b in zip(pictures["bare"][2], expected))
    print("the simulated GPU's picture differs from llvmpipe's by %d of 255" % worst)
    check(worst <= TOLERANCE, "that is more than %d" % TOLERANCE)
    check(pictures["guest"] == pictures["bare"], "the guest's picture is not the bare one")


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
    globals()["case_" + sys.argv[1]]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
