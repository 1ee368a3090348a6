#!/usr/bin/env python3
"""Stock vulkaninfo, with the simulated GPU preloaded: what it lists, and what it must not print.

Usage: vulkaninfo_test.py VULKANINFO renoir|vega10
The environment is set for the test; libraries in LD_PRELOAD are meant for VULKANINFO.
"""
import os
import subprocess
import sys

DEVICE_ID = {"renoir": "0x15e7", "vega10": "0x687f"}
OURS = "viaduct-simgpu"


def run(program, **changes):
    environment = dict(os.environ, **changes)
    result = subprocess.run([program, "--summary"], env=environment, capture_output=True,
                            text=True, timeout=100)
    values = {}
    for line in result.stdout.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            values.setdefault(name.strip(), []).append(value.strip())
    return result, values


def check(condition, what, result):
    if not condition:
        sys.exit(f"{what}\n--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}")


def main():
    program, model = sys.argv[1:]
    result, values = run(program)
    check(result.returncode == 0, f"exit status {result.returncode}", result)
    names = values.get("deviceName", [])
    check(any(f"RADV {model.upper()}" in name for name in names), "no such device", result)
    check(DEVICE_ID[model] in values.get("deviceID", []), "another PCI device", result)
    check(OURS not in result.stderr, "it talks without being asked to", result)

    result, _ = run(program, VIADUCT_SIMGPU_DEBUG="1")
    check(f"{OURS}: /dev/dri/renderD" in result.stderr, "it does not explain itself", result)

    for variable, value in [("VIADUCT_SIMGPU", "voodoo"), ("VIADUCT_SIMGPU_INJECT", "gremlins")]:
        result, values = run(program, **{variable: value})
        lines = [line for line in result.stderr.splitlines() if line.startswith(OURS)]
        check(len(lines) == 1 and value in lines[0], "not one clear line", result)
        check("RADV" not in "".join(values.get("deviceName", [])), "a device all the same", result)


main()
