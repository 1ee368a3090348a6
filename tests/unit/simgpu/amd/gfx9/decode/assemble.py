#!/usr/bin/env python3
"""Fills in the machine code beside the assembly text of the GFX9 tests.

Rewrites every `{"text", {...}}` of the given C++ files with the words that LLVM's assembler
produces for `text` (llvm-mc, Debian package llvm-14). Run it after adding a line with empty words.
"""
import re
import subprocess
import sys

# The text may be several string literals. Texts that do not start with a mnemonic are left alone.
LINE = re.compile(r'(\{\s*(?="[a-z])(?:"[^"\n]*"\s*)+,\s*)\{([^{}]*)\}(?=[,}])')


def assemble(texts):
    process = subprocess.run(
        ['llvm-mc-14', '-arch=amdgcn', '-mcpu=gfx900', '--show-encoding'],
        input='\n'.join(texts), capture_output=True, text=True)
    if process.returncode:
        sys.exit(process.stderr)
    words = []
    for encoding in re.findall(r'encoding: \[([^\]]*)\]', process.stdout):
        data = bytes(int(byte, 16) for byte in encoding.split(','))
        words.append([int.from_bytes(data[i:i + 4], 'little') for i in range(0, len(data), 4)])
    if len(words) != len(texts):
        sys.exit('%d instructions for %d texts' % (len(words), len(texts)))
    return words


def main():
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as file:
            source = file.read()
        texts = [''.join(re.findall(r'"([^"\n]*)"', match.group(1)))
                 for match in LINE.finditer(source)]
        words = iter(assemble(texts))
        source = LINE.sub(
            lambda match: '%s{%s}' % (match.group(1),
                                      ', '.join('0x%08x' % word for word in next(words))),
            source)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(source)


main()
