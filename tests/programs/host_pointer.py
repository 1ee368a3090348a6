#!/usr/bin/env python3
"""OpenCL buffers in the program's own memory (CL_MEM_USE_HOST_PTR): a kernel doubles what is there."""
import sys

import numpy
import pyopencl as cl

SOURCE = "kernel void twice(global uint *words) { words[get_global_id(0)] *= 2; }"
SIZES = {"pages": 65536, "odd": 12345}  # bytes; the second neither begins nor ends with a page


def aligned(words, alignment, offset):
    raw = numpy.zeros(words * 4 + alignment + offset, numpy.uint8)
    begin = -raw.ctypes.data % alignment + offset
    return raw[begin : begin + words * 4].view(numpy.uint32)


def check(context, name, size):
    words = size // 4
    memory = aligned(words, 4096, 0 if name == "pages" else 64)
    memory[:] = numpy.arange(words)
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
    buffer = cl.Buffer(context, flags, hostbuf=memory)
    queue = cl.CommandQueue(context)
    cl.Program(context, SOURCE).build().twice(queue, (words,), None, buffer)
    mapped, _ = cl.enqueue_map_buffer(queue, buffer, cl.map_flags.READ, 0, words, numpy.uint32)
    good = numpy.array_equal(mapped, 2 * numpy.arange(words))
    in_place = numpy.array_equal(memory, 2 * numpy.arange(words))
    mapped.base.release(queue)
    queue.finish()
    where = "at the program's address too" if in_place else "only where it is mapped"
    print(f"{name}: {'right' if good else 'WRONG'}, {where}")
    return good


def main():
    wanted = sys.argv[1]
    platform = next(each for each in cl.get_platforms() if each.name.lower() == wanted)
    device = platform.get_devices()[0]
    print(f"{platform.name}: {device.name.split(' (')[0]}")
    context = cl.Context([device])
    sys.exit(not all([check(context, *each) for each in SIZES.items()]))


main()
