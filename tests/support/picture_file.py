"""Pictures as programs write them: PNG and PPM of 8 bits a component, as (width, height, RGB bytes)."""

import zlib


def read_ppm(path):
    with open(path, "rb") as file:
        header = file.readline(), file.readline(), file.readline()
        width, height = map(int, header[1].split())
        return width, height, file.read()


def read_png(path):
    """An RGB or RGBA file; alpha is dropped."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[at:at + 4], "big") for at in (16, 20))
    depth, kind = data[24:26]
    assert depth == 8 and kind in (2, 6), (depth, kind)
    channels = 3 if kind == 2 else 4
    packed, at = b"", 8
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    raw, stride = zlib.decompress(packed), width * channels
    rows, before = [], bytes(stride)
    for y in range(height):
        line = raw[y * (stride + 1):(y + 1) * (stride + 1)]
        before = unfilter(line[0], bytearray(line[1:]), before, channels)
        rows.append(before)
    pixels = b"".join(rows)
    if channels == 4:
        pixels = bytes(byte for at, byte in enumerate(pixels) if at % 4 != 3)
    return width, height, pixels


def unfilter(kind, line, above, channels):
    """One row of a PNG (its specification, section 9.2)."""
    for i, value in enumerate(line):
        left = line[i - channels] if i >= channels else 0
        corner = above[i - channels] if i >= channels else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[i]
        elif kind == 3:
            guess = (left + above[i]) // 2
        elif kind == 4:
            sums = [(abs(above[i] - corner), left), (abs(left - corner), above[i]),
                    (abs(left + above[i] - 2 * corner), corner)]
            guess = min(sums, key=lambda pair: pair[0])[1]
        else:
            guess = 0
        line[i] = (value + guess) & 255
    return bytes(line)
