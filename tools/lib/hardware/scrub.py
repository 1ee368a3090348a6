"""Takes out of logs what is somebody's: names, home directories, addresses, serial numbers."""

import os
import pwd
import re
import socket

# In this order: what an earlier one has replaced no later one sees.
PATTERNS = (
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), "MAIL"),
    (re.compile(r"(?<![\w:])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:])"), "MAC"),
    (re.compile(r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b"), "UUID"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)"), "IP"),
    (re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])"), "IP"),
    # Shortened: "fe80::1", but not C++'s "viaduct::log".
    (re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*\d)(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?::"
                r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?(?![\w:])"), "IP"),
    (re.compile(r"(?i)\b(serial(?:[ _-]?(?:number|no))?|unique[ _-]?id)(\s*[:=#]\s*|\s+)(?=\S*\d)\S+"),
     r"\1\2SERIAL"),
    (re.compile(r"/(home|Users)/[^/\s:\"']+"), r"/\1/USER"),
)

# Names that say nothing about anybody, but are words of our logs.
COMMON = ("", "debian", "guest", "host", "linux", "localhost", "root", "user", "vm")


def first_line(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


class Scrubber:
    """Replaces this machine's and this user's names, whatever looks like an address, and the given
    paths: {path: what stands for it}."""

    def __init__(self, paths=None):
        words = {}
        accounts = [os.environ.get(name) for name in ("USER", "LOGNAME", "SUDO_USER")]
        entries = [pwd.getpwuid(os.getuid())]
        for account in filter(None, accounts):
            try:
                entries.append(pwd.getpwnam(account))
            except KeyError:
                words[account] = "USER"
        paths = dict(paths or {})
        for entry in entries:
            if len(entry.pw_dir) > 1:
                paths.setdefault(entry.pw_dir, "HOME")
            words[entry.pw_name] = "USER"
            words[entry.pw_gecos.split(",")[0]] = "USER"
        host = socket.gethostname()
        words[host] = words[host.split(".")[0]] = "HOST"
        words[first_line("/etc/machine-id")] = "MACHINE"
        # The device mapper doubles hyphens: group anna-laptop is /dev/mapper/anna--laptop-root.
        words.update({word.replace("-", "--"): name for word, name in words.items()})
        for common in COMMON:
            words.pop(common, None)
        self.words = words
        self.rules = [(re.compile(re.escape(path) + r"(?![\w.-])"), name) for path, name in
                      sorted(paths.items(), key=lambda item: -len(item[0]))]
        self.rules += [(re.compile(r"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])" % re.escape(word)), name)
                       for word, name in sorted(words.items(), key=lambda item: -len(item[0]))]
        self.rules += PATTERNS

    def __call__(self, text):
        for pattern, replacement in self.rules:
            text = pattern.sub(replacement, text)
        return text
