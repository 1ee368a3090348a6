"""What a build directory compiles, file by file, where several files are compiled as one unit too."""

import json
import re
from pathlib import Path

UNIT = re.compile(r"-unity\d+\.\w+$")
INCLUDED = re.compile(r"^#include *<(/[^>]+)>$", re.MULTILINE)


def compiled_units(build):
    """(directory, entry of compile_commands.json, [source]) of each unit. The sources are absolute;
    generated ones are left out."""
    for entry in json.loads(Path(build, "compile_commands.json").read_text(encoding="utf-8")):
        directory = Path(entry["directory"])
        file = Path(directory, entry["file"]).resolve()
        if UNIT.search(file.name):
            sources = [Path(path).resolve() for path in INCLUDED.findall(file.read_text(encoding="utf-8"))]
        else:
            sources = [file]
        yield directory, entry, [path for path in sources if not path.is_relative_to(directory)]
