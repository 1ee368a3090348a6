"""Phrases that this project's messages, pages and comments do without, and a search for them.

Each pattern has plain English as a replacement, which the fault names. Only patterns that are always
wrong are here: a check that has exceptions would soon be ignored.
"""

import ast
import re
import subprocess
from pathlib import Path

# Neither "there is no X" nor "is no longer".
NOT_A = r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|other\b|better\b)[a-z]+"

# Everywhere.
PATTERNS = (
    (r"\bin the (?:place|stead) of\b", "instead of"),
    (r"\bbut for\b", "except"),
    (r"\b(?:he|him|his|himself)\b", "the caller, the user, its"),
    (r"\bof ours\b", "our, or the part's name"),
    (NOT_A, "is not a"),
)
# In messages and pages, which people read without the code at hand.
READERS = (
    (r"\b(?:nobody|somebody|anybody|everybody|whoever)(?:'s)?\b", "the process, caller or user that is meant"),
    (r"\b(?:says?|said|tells?|told) (?:so|why)\b", "gives the reason, reports"),
    (r"\bmakes? (?:no )?sense\b", "is valid, is invalid"),
    (r"\b(?:of|by) (?:a|an|the) [\w-]+'s(?=[.,;:)]|$)", "of the X"),
    (r"\bof the guest's (?:goes|go|is|are)\b", "of the guest"),
    (r"\b(?:is|are|was|were) (?:of use|none)\b", "can be used, does not exist"),
    (r"\bwants? (?:a|an|the|root)\b", "needs"),
)
# What a comment begins with: a sentence there has a subject.
OPENINGS = ((r"(?:What|Who|Whoever|Whatever|Those) ", "a noun"),)

# Any fault at all: most files have none, and need not be taken apart.
ANY = re.compile("|".join(pattern for pattern, _ in PATTERNS + READERS)
                 + r"|(?://+<?|/\*+) ?(?:" + "|".join(pattern for pattern, _ in OPENINGS) + ")", re.M)
STRING = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"((?:\\.|[^"\\\n])*)"|\'(?:\\.|[^\'\\\n])+\'', re.S)
COMMENT = re.compile(r"(?://+<?|/\*+) ?([^\n]*)")
OTHERS = ("CHANGELOG.md", "uapi/", "renderer/abi/", "tests/prose/", "qemu-patches/patches/")


def faults_of(text, patterns):
    for pattern, better in patterns:
        for match in re.finditer(pattern, text):
            yield match.start(), f'"{match.group().strip()}": {better}'


def opening_faults(text):
    """Of the first line of a comment."""
    for pattern, better in OPENINGS:
        if match := re.match(pattern, text):
            yield f'"{match.group().strip()} ..." opens a comment: begin with {better}'


def is_sentence(text):
    return " " in text and len(re.findall(r"[A-Za-z]{2,}", text)) >= 3


def cpp_messages(text):
    """Line and text of each sentence in a string; neighbouring literals are one string."""
    found = []
    for match in STRING.finditer(text):
        part = match.group(1) if match.group(1) is not None else match.group(2)
        if part is None:
            continue
        if found and not text[found[-1][2]:match.start()].strip():
            found[-1][1] += part
            found[-1][2] = match.end()
        else:
            found.append([text.count("\n", 0, match.start()) + 1, part, match.end()])
    return [(line, part) for line, part, _ in found if is_sentence(part)]


def cpp_comments(text):
    """Line, text and whether it is the first line, of each line of a comment."""
    previous = -1
    for number, line in enumerate(text.split("\n"), 1):
        bare = re.sub(r'"(?:\\.|[^"\\])*"', lambda match: '"' + "-" * (len(match.group()) - 2) + '"', line)
        if match := COMMENT.search(bare):
            yield number, line[match.start(1):], previous != number - 1 or bare[:match.start()].strip()
            previous = number


def python_messages(text):
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree)
                  if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}
    return [(node.lineno, node.value) for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and id(node) not in docstrings and is_sentence(node.value)]


def shell_messages(text):
    return [(number, part) for number, line in enumerate(text.split("\n"), 1)
            if not line.lstrip().startswith("#")
            for part in re.findall(r'\b(?:die|step|echo|say)\b[^"]*"([^"]*)"', line) if is_sentence(part)]


def page_lines(text):
    """Lines of a page without its code."""
    code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip().startswith("```"):
            code = not code
        elif not code:
            yield number, re.sub(r"`[^`]*`", "`code`", line)


def search(path, text):
    """Faults of one file, as lines for people."""
    lines = []
    if not ANY.search(text) and not ANY.search(re.sub(r'"\s*"', "", text)):
        return lines

    def note(number, faults):
        lines.extend(f"{path}:{number}: {fault}" for fault in faults)

    def note_all(parts, patterns):
        for number, part in parts:
            note(number, (fault for _, fault in faults_of(part, patterns)))

    if path.endswith((".cpp", ".h")):
        if not path.startswith("tests/"):
            note_all(cpp_messages(text), PATTERNS + READERS)
        for number, comment, first in cpp_comments(text):
            note(number, (fault for _, fault in faults_of(comment, PATTERNS)))
            if first:
                note(number, opening_faults(comment))
    elif path.endswith((".md", ".1")):
        note_all(page_lines(text), PATTERNS + READERS)
    elif text.startswith("#!") and "python" in text.split("\n", 1)[0] or path.endswith(".py"):
        note_all(python_messages(text), PATTERNS + READERS)
    elif text.startswith(("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash")) or path.endswith(".sh"):
        note_all(shell_messages(text), PATTERNS + READERS)
    return lines


def files(root):
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=False, capture_output=True,
                            text=True).stdout.split()
    if not listed:  # without git, as in a package's build
        found = (path.relative_to(root) for path in Path(root).rglob("*") if path.is_file())
        listed = sorted(str(path) for path in found if not path.parts[0].startswith(("build", ".")))
    return [path for path in listed if not path.startswith(OTHERS)]


def check(root):
    faults = []
    for path in files(root):
        if Path(path).suffix not in (".cpp", ".h", ".md", ".1", ".py", ".sh", ""):
            continue
        try:
            text = Path(root, path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, IsADirectoryError, FileNotFoundError):
            continue
        faults += search(path, text)
    return faults
