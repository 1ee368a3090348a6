#!/usr/bin/env python3
"""virgl and 2D through our library give what the system's library gives when driven directly."""
import difflib
import glob
import os
import subprocess
import sys

SKIP = 77  # meson's exit status for "skipped"


def system_library():
    for directory in ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"):
        for path in glob.glob(f"{directory}/libvirglrenderer.so.1"):
            return path
    return None


def transcript(session, library, kind, **more):
    environment = dict(os.environ, LIBGL_ALWAYS_SOFTWARE="1", VIRGL_LOG_LEVEL="warning", **more)
    run = subprocess.run([session, library, kind], capture_output=True, text=True, env=environment)
    sys.stderr.write(run.stderr)
    return run.returncode, run.stdout.splitlines()


def dependencies(library):
    """What the library depends on: a sanitizer's runtime cannot be preloaded this way."""
    return subprocess.run(["ldd", library], capture_output=True, text=True).stdout.splitlines()


def main(session, ours, kind):
    theirs = system_library()
    if theirs is None:
        print("no system libvirglrenderer.so.1 to compare with")
        return SKIP
    expected_status, expected = transcript(session, theirs, kind)
    # Venus without its server: init may succeed, contexts do not.
    if "init -> 0" not in expected or kind == "venus" and "context -> 0" not in expected:
        print(f"{theirs} does not start here (no surfaceless EGL, no virgl_render_server?)")
        return SKIP
    # Opened at run time, and as a VMM that is linked with it has it: its names are everybody's.
    ways = [{}]
    if not any("san" in line for line in dependencies(ours)):
        ways.append({"LD_PRELOAD": ours})
    failures = 0
    for way in ways:
        status, found = transcript(session, ours, kind, **way)
        difference = list(difflib.unified_diff(expected, found, theirs, ours, lineterm="", n=1))
        print("\n".join(difference) or f"{len(found)} lines, all the same {way}")
        failures += bool(difference) or status != expected_status
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
