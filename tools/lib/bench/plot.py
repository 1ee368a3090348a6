"""The ratios as an SVG picture: a group of bars for each measure."""

from xml.sax.saxutils import escape

from .tables import number
from .ways import BARE, OTHER, PROCESS, THREAD, TITLES, VM

COLOURS = {BARE: "#8a8f98", OTHER: "#c98a2b", THREAD: "#5b8fd6", PROCESS: "#1f4e9c",
           VM: "#6b4f9c"}
BAR, GAP, LEFT, WIDTH, RIGHT, TOP = 14, 16, 250, 420, 110, 44


def svg(results, measures, ways):
    """A bar is as long as its rate is high, bare (or the first way that there is) being 1."""
    parts, y = [], TOP
    base = ways[0].key
    longest = max([results.ratio(measure, way.key, base) or 0 for measure in measures
                   for way in ways] + [1])
    for measure in measures:
        parts.append(text(LEFT - 10, y + len(ways) * BAR / 2 + 4, measure.title, "end"))
        for way in ways:
            ratio = results.ratio(measure, way.key, base)
            if ratio is None:
                continue
            length = WIDTH * ratio / longest
            parts.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
                LEFT, y, length, BAR - 2, COLOURS[way.key]))
            parts.append(text(LEFT + length + 5, y + BAR - 4, number(
                results.median(measure, way.key)), "start", 10))
            y += BAR
        y += GAP
    one = LEFT + WIDTH / longest
    parts.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#8a8f98" stroke-dasharray='
                 '"3 3"/>' % (one, one, TOP - 6, y - GAP + 4))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'font-family="sans-serif" font-size="12">\n'
            '<rect width="100%%" height="100%%" fill="#ffffff"/>\n%s\n%s\n</svg>\n' % (
                LEFT + WIDTH + RIGHT, y, legend(ways), "\n".join(parts)))


def text(x, y, content, anchor, size=12):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>' % (
        x, y, anchor, size, escape(content))


def legend(ways):
    parts, x = [], LEFT
    for way in ways:
        parts.append('<rect x="%d" y="12" width="10" height="10" fill="%s"/>' % (
            x, COLOURS[way.key]))
        parts.append(text(x + 14, 21, TITLES[way.key], "start"))
        x += 30 + 7 * len(TITLES[way.key])
    return "\n".join(parts)
