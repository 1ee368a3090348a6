"""Which part's code needs which other's, by the symbols of its objects, held against the table of
layers in docs/architecture.md. Includes do not show a function that one part declares and another
defines; the linker finds it."""

import subprocess
import sys
from pathlib import Path

from arrows import FREE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from compilation import compiled_units

# Declared in one row and defined in another, above it, on purpose: an interface and its one
# implementation. A file that may include the former may need the latter.
DEFINED_ABOVE = {
    ("simgpu/", "simgpu/chips.cpp"),
    ("simgpu/", "simgpu/simgpu.cpp"),
    ("drm-context/native_context.h", "drm-context/front/"),
    ("drm-context/driver/", "drm-context/driver_table.cpp"),
    ("renderer/", "renderer/handover/"),
    ("guest-mesa/layer/", "guest-mesa/layer/driver_table.cpp"),
}
# `nm -g`: strong definitions. Inline functions and templates are weak and in every object.
STRONG = "TDBRC"
# C++ names, of namespaces of this tree. What is preloaded defines functions of the C library.
OURS = "_Z"


def objects(build, root):
    """The objects in a build directory, each with its source's path; tests' left out. Of several
    sources in one unit the first stands for all: see crossing()."""
    found = {}
    for target, sources in units(build, root):
        # Most of the bytes are tests'.
        if Path(target).exists() and not any(path.startswith(FREE) for path in sources):
            found[target] = sources[0]
    return found


def crossing(layers, build, root):
    """The units whose sources lie in more than one row: symbols cannot tell which of them needs
    something. A sentence each."""
    for target, sources in units(build, root):
        rooms = {layers.room_of(path) for path in sources if not path.startswith(FREE)}
        if len(rooms) > 1:
            yield f"{Path(target).parent.name} has files of {' and '.join(sorted(map(str, rooms)))} in one unit"


def units(build, root):
    """Each object of the build with the paths of the sources that it is made of."""
    for directory, entry, sources in compiled_units(build):
        paths = [str(path.relative_to(root)) for path in sources if path.is_relative_to(root)]
        if paths:
            yield str(Path(directory, entry["output"])), paths


def symbols(paths):
    """(object, kind, name) of each symbol that objects share."""
    listed = subprocess.run(["nm", "--print-file-name", "--extern-only", *paths], check=True,
                            capture_output=True, text=True).stdout
    for line in listed.splitlines():
        path, _, rest = line.rpartition(":")
        fields = rest.split()
        yield path, fields[-2], fields[-1]


def reachable(layers, defined_above):
    """For each row, the rows that it may need, directly or through inline functions of others."""
    rows = {}
    for room, targets in layers.allowed.items():  # lowest first
        rows[room] = {room}.union(*(rows.get(target, {target}) for target in targets))
    return {room: seen | {high for low, high in defined_above if low in seen}
            for room, seen in rows.items()}


def check(layers, sources, listed, defined_above=frozenset()):
    """All that is wrong, a sentence each. `sources`: of each object."""
    defined, needed = {}, {}
    for target, kind, name in listed:
        room = layers.room_of(sources[target])
        if room is None or sources[target].startswith(FREE) or not name.startswith(OURS):
            continue
        if kind in STRONG:
            defined.setdefault(name, set()).add(room)
        elif kind == "U":
            needed.setdefault((sources[target], room), set()).add(name)
    allowed = reachable(layers, defined_above)
    return [f"{path} needs {name} of {' or '.join(sorted(defined[name]))}, which {room} may not"
            for (path, room), names in sorted(needed.items())
            for name in sorted(names & defined.keys()) if not defined[name] & allowed[room]]
