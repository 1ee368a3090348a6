"""How the Python tools end: with one sentence for people, never with a traceback.

    if __name__ == "__main__":
        cli.run("tools/vm", main)

VIADUCT_TRACEBACK=1 shows where an error came from, for those who mend the tool.
"""

import os
import shlex
import signal
import subprocess
import sys
import traceback


class Failure(Exception):
    """Ends the tool with this sentence."""


def sentence(error):
    """What happened, for people."""
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, subprocess.CalledProcessError):
        command = error.cmd if isinstance(error.cmd, str) else shlex.join(map(str, error.cmd))
        if error.returncode < 0:
            return "signal %d ended %s" % (-error.returncode, command)
        return "%s ended with status %d; its messages are above" % (command, error.returncode)
    if isinstance(error, subprocess.TimeoutExpired):
        return "%s took more than %.1f s" % (shlex.join(map(str, error.cmd)), error.timeout)
    if isinstance(error, OSError):
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ": ".join(names + [error.strerror or str(error) or type(error).__name__])
    return "internal error: %s: %s (VIADUCT_TRACEBACK=1 shows where)" % (
        type(error).__name__, error)


def run(name, main):
    """Calls main() and exits with its status (None: success). Everything it raises becomes a
    sentence and status 1; Ctrl-C and SIGTERM, status 130; a reader that is gone, 141, as from a
    signal."""
    status = 1
    # Otherwise SIGTERM would leave behind what a tool has started, and its directories.
    signal.signal(signal.SIGTERM, interrupt)
    try:
        status = main() or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain(name, "interrupted")
        status = 130
    except BrokenPipeError:
        status = 141
        # Python flushes once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # pylint: disable=broad-except
        if os.environ.get("VIADUCT_TRACEBACK"):
            traceback.print_exc()
        complain(name, sentence(error))
    sys.exit(status)


def interrupt(*_):
    raise KeyboardInterrupt


def complain(name, text):
    try:
        print("%s: %s" % (name, text), file=sys.stderr)
    except OSError:
        pass  # nobody reads it
