"""Commands in a guest: the host's side of guest-mesa/image/session."""

import base64
import re
import socket
import time

from cli import Failure

RECORD_SEPARATOR = "\x1e"


class Session:
    """A guest that runs one shell script after the other. The port is a unix socket of QEMU's, on
    whose other side the guest has a virtio port."""

    def __init__(self):
        self.port = None
        self.received = ""

    def logs(self):
        """What a failure shows beside what the guest has said."""
        return ""

    def connect(self, path):
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(path)

    def disconnect(self):
        if self.port:
            self.port.close()

    def wait_up(self, seconds=600):
        """Waits until the guest is up, or up again: its uptime in seconds."""
        line = self.read_until(r"up ([0-9.]+)\n", seconds, "the guest's start")
        return float(line.group(1))

    def read_until(self, pattern, seconds, what):
        """What was received up to this pattern, as a match; drops it from what is waiting."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.received)):
            self.receive(deadline, what)
        self.received = self.received[match.end():]
        return match

    def receive(self, deadline, what):
        self.port.settimeout(0.2)
        try:
            data = self.port.recv(65536)
            if not data:
                raise Failure("QEMU exited before %s:\n%s" % (what, self.logs()))
            self.received += data.decode(errors="replace")
        except TimeoutError:
            pass
        if deadline and time.monotonic() > deadline:
            raise Failure("%s took too long; so far:\n%s\n%s" % (what, self.received, self.logs()))

    def send(self, script):
        """Starts a shell script in the guest; finish() has what comes of it."""
        self.port.settimeout(None)
        self.port.sendall(base64.b64encode(script.encode()) + b"\n")

    def finish(self, seconds=900, output=None):
        """The exit status of what send() started, and what it printed; if output is a stream, that
        goes there as it comes."""
        deadline = time.monotonic() + seconds if seconds else None
        printed = ""
        while RECORD_SEPARATOR not in self.received:
            if output:
                output.write(self.received)
                output.flush()
                printed, self.received = printed + self.received, ""
            self.receive(deadline, "a command in the guest")
        status = self.read_until(RECORD_SEPARATOR + r"([0-9]+)\n", 10, "an exit status")
        rest = status.string[:status.start()]
        if output:
            output.write(rest)
        return int(status.group(1)), printed + rest

    def run(self, script, seconds=900):
        self.send(script)
        return self.finish(seconds)
