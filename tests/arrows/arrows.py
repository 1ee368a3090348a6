"""Who includes whom, held against the table of layers in docs/architecture.md."""

import re
import subprocess
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
ROW = re.compile(r"^\| (`[^|]+`) \| ([^|]*) \|$")
NAME = re.compile(r"`([^`]+)`")
# These may include anything; nothing below may include them.
FREE = ("tests/", "bench/")


class Layers:
    """The table: a folder or file per row, lowest first, and the rows it may include."""

    def __init__(self, page):
        section = page.split("\n## Layers\n")[1].split("\n## ")[0]
        self.allowed = {}
        for line in section.splitlines():
            if row := ROW.match(line):
                names = NAME.findall(row[1])
                for name in names:
                    self.allowed[name] = NAME.findall(row[2])

    def room_of(self, path):
        """The row for a file: the longest name that it begins with; None if no row has it."""
        rooms = [name for name in self.allowed if path == name or
                 name.endswith("/") and path.startswith(name)]
        return max(rooms, key=len, default=None)

    def faults(self):
        """Rows that allow what does not stand above them: such a table could hold a circle."""
        above = []
        for room, targets in self.allowed.items():
            for target in targets:
                if target not in above:
                    yield f"the row of {room} allows {target}, which is not in a row above it"
            above.append(room)


def sources(root):
    listed = subprocess.run(["git", "ls-files", "*.h", "*.cpp"], cwd=root, check=False,
                            capture_output=True, text=True).stdout.split()
    if listed:
        return listed
    # Without git, as in a package's build.
    found = (path.relative_to(root) for end in ("h", "cpp") for path in Path(root).rglob(f"*.{end}"))
    return sorted(str(path) for path in found if not path.parts[0].startswith("build"))


def includes(root, path):
    return INCLUDE.findall(Path(root, path).read_text(encoding="utf-8"))


def check(root, layers, paths):
    """All that is wrong, a sentence each."""
    faults = list(layers.faults())
    used = set()
    for path in paths:
        if path.startswith(FREE):
            continue
        room = layers.room_of(path)
        if room is None:
            faults.append(f"{path} is in no row of the table of layers")
            continue
        for target in includes(root, path):
            to = layers.room_of(target)
            if target.startswith(FREE):
                faults.append(f"{path} includes {target}: tests are above everything")
            elif to is None or to == room:
                continue  # generated, or its own folder's
            elif to in layers.allowed[room]:
                used.add((room, to))
            else:
                faults.append(f"{path} includes {target}: {room} may not include {to}")
    for room, targets in layers.allowed.items():
        faults += [f"the row of {room} allows {target}, which nothing there includes any more"
                   for target in targets if (room, target) not in used]
    return faults
