"""The table for the terminal, and the archive to attach to a report."""

import io
import json
import os
import tarfile

from cli import Failure

from . import measure
from .steps import FAILED


def figures_table(title, figures):
    rows = ["%-32s %12s %12s %8s" % (title, "bare", "Viaduct", "ratio")]
    for name, (bare, guest) in figures.items():
        rows.append("  %-30s %9.1f us %9.1f us %8.2f" % (measure.MEASURES[name], bare / 1e3,
                                                         guest / 1e3, guest / bare))
    return rows


def table(gpu, versions, devices, steps, figures):
    """One page. figures: {where: {measure: (bare, guest)}}."""
    rows = ["Viaduct on %s" % (devices.get("bare") or gpu), ""]
    rows += ["  %-18s %s" % item for item in versions.items()]
    rows += ["", "%-20s %-8s %s" % ("what", "result", "")]
    rows += ["  %-18s %-8s %s" % (step.name, step.verdict, step.text) for step in steps]
    for where, values in figures.items():
        rows += [""] + figures_table("median, " + where, values)
    failed = [step.name for step in steps if step.verdict == FAILED]
    rows += ["", "FAILED: " + "; ".join(failed) if failed else "Everything that ran is right."]
    return "\n".join(rows) + "\n"


def as_json(gpu, versions, devices, steps, figures):
    return json.dumps({
        "gpu": gpu, "versions": versions, "devices": devices,
        "steps": [vars(step) for step in steps],
        "medians_ns": {where: {name: {"bare": bare, "guest": guest}
                               for name, (bare, guest) in values.items()}
                       for where, values in figures.items()}}, indent=2) + "\n"


def write_archive(path, folder, scrub):
    """All files of `folder`, scrubbed, into path (tar.gz); nobody owns what is in it. On the disk
    when this returns."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise Failure("%s is not a regular file, so an archive cannot replace it" % path)
    name = os.path.basename(path).removesuffix(".tar.gz")
    with tarfile.open(path + ".partial", "w:gz") as archive:
        for file_name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, file_name), encoding="utf-8", errors="replace") as file:
                content = scrub(file.read()).encode()
            entry = tarfile.TarInfo("%s/%s" % (name, file_name))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    check_archive(path + ".partial", scrub.words)
    sync(path + ".partial")
    os.replace(path + ".partial", path)
    sync(os.path.dirname(path))


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_archive(path, words):
    """The scrubber's words must not be in it, in whatever a pattern may have missed."""
    with tarfile.open(path) as archive:
        for entry in archive:
            text = archive.extractfile(entry).read().decode()
            for word in words:
                # Short ones are parts of other words.
                if len(word) > 5 and word in text:
                    os.unlink(path)
                    raise Failure("%s would hold \"%s\"; no archive was written. Please report this"
                                  % (entry.name, word))
