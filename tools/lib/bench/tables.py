"""Results as a table for the terminal, as markdown, and as a section of a page."""

import os

from cli import Failure

from .ways import BARE, OTHER, PROCESS, THREAD, TITLES, VM

FLOOR = "floor"


def number(value):
    """1234.5 as "1 234"; three digits at least."""
    digits = 0 if value >= 100 else 1
    return "{:,.{}f}".format(value, digits).replace(",", " ")


def cell(results, measure, way):
    median = results.median(measure, way)
    if median is None:
        return ""
    return "%s ±%.0f %%" % (number(median), results.spread(measure, way))


def ratio_cell(results, measure, way, base):
    ratio = results.ratio(measure, way, base)
    return "" if ratio is None else "%.2f" % ratio


def rows(results, measures, ways):
    """Header and rows of strings: the rates of each way, and their ratios."""
    keys = [way.key for way in ways]
    columns = ([FLOOR] if any(results.median(m, FLOOR) for m in measures) else []) + keys
    ratios = [(way, base) for base in (BARE, OTHER) if base in keys
              for way in (THREAD, PROCESS, VM) if way in keys]
    header = ["per second"] + [TITLES.get(key, key) for key in columns] + [
        "%s / %s" % (way, base) for way, base in ratios]
    table = [header]
    for measure in measures:
        table.append([measure.title] + [cell(results, measure, key) for key in columns] + [
            ratio_cell(results, measure, *pair) for pair in ratios])
    return table


def as_text(table):
    """Columns as wide as they must be; all but the first to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "".join("  ".join(
        [row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
    ).rstrip() + "\n" for row in table)


def as_markdown(table):
    header, *body = table
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def replace_section(page, name, text):
    """Puts `text` between the page's comments "begin: NAME" and "end: NAME"."""
    begin, end = "<!-- begin: %s -->\n" % name, "<!-- end: %s -->" % name
    with open(page, encoding="utf-8") as file:
        content = file.read()
    head, found, rest = content.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found or not found_end:
        raise Failure("%s has no section between \"%s\" and \"%s\"" % (page, begin.strip(), end))
    with open(page + ".partial", "w", encoding="utf-8") as file:
        file.write(head + begin + "\n" + text.strip("\n") + "\n\n" + end + tail)
    os.replace(page + ".partial", page)
