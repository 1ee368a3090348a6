#!/usr/bin/env python3
"""A guest's program, recorded and replayed: the same bytes, with workers in processes and on threads.

    record_test.py [--without-contents|--without-work] RUN_GUEST VIADUCT MESA GPU COMMAND [ARGUMENT...]

The program runs as RUN_GUEST has it run (tests/integration/guest/run_guest). Then one byte of a
result in the recording is changed, which the replay must find. A program without work for the GPU
has no results. Exits with 77, "skipped", with
run_guest.
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

# recording/format.h
FILE_HEADER = 16
MEMORY = 9
AFTER_FENCE = 1


def records(content):
    """Type, and place of the payload, of each record."""
    at = FILE_HEADER
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        at += 8
        yield kind, at, size
        at += size


def place_of_a_result(content):
    """Where in the file a byte is that the GPU has changed, the last one in the longest result."""
    buffers = {}
    best = (0, None)
    for kind, at, size in records(content):
        if kind != MEMORY:
            continue
        resource, found, offset = struct.unpack_from("<IIQ", content, at)
        new = content[at + 16:at + size]
        buffer = buffers.setdefault(resource, bytearray())
        buffer.extend(bytes(max(0, offset + len(new) - len(buffer))))
        old = buffer[offset:offset + len(new)]
        if found == AFTER_FENCE and len(new) > best[0]:
            changed = [i for i in range(len(new)) if new[i] != old[i]]
            if changed:
                best = (len(new), at + 16 + changed[-1])
        buffer[offset:offset + len(new)] = new
    return best[1]


def replay(viaduct, path, isolation):
    env = dict(os.environ, VIADUCT_SIMGPU_INSTANCE=f"record-{os.getpid()}")
    command = [viaduct, "replay", f"--isolation={isolation}", path]
    command.append("--patience=60")  # an instrumented GPU is slow
    run = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False)
    print(f"-- {isolation}: status {run.returncode}\n{run.stdout}", flush=True)
    return run.returncode, run.stdout


def check_replay(status, output):
    assert status == 0, "the replay differs"
    compared = int(re.search(r"and (\d+) bytes of buffers compared: all the same", output)[1])
    assert int(re.search(r"(\d+) submissions", output)[1]) > 0, "nothing was recorded"
    return compared


def check_changed(viaduct, path):
    with open(path, "rb") as file:
        content = bytearray(file.read())
    place = place_of_a_result(content)
    assert place is not None, "the GPU has changed nothing"
    content[place] ^= 0xFF
    changed = path + ".changed"
    with open(changed, "wb") as file:
        file.write(content)
    status, output = replay(viaduct, changed, "thread")
    assert status == 1 and "differs: " in output, "the changed byte was not found"


def main():
    arguments = sys.argv[1:]
    option = arguments.pop(0) if arguments[0].startswith("--") else None
    with_contents = option != "--without-contents"
    with_results = option is None
    run_guest, viaduct, mesa, gpu, *command = arguments
    folder = tempfile.mkdtemp(prefix="record-", dir=os.environ["VIADUCT_BUILD"])
    try:
        path = os.path.join(folder, "recording")
        record = [viaduct, "record", "-o", path, *([] if with_contents else ["--no-contents"]), "--",
                  run_guest, mesa, "guest", gpu, *command]
        status = subprocess.run(record, check=False).returncode
        if status != 0:
            return status
        assert subprocess.run(record, check=False).returncode == 1, "a recording was replaced"
        for isolation in ("process", "thread"):
            compared = check_replay(*replay(viaduct, path, isolation))
        assert (compared > 0) == with_results, "results are where they should not be"
        if with_results:
            check_changed(viaduct, path)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
