"""Runs other programs with a limit: what hangs is ended with everything that it started."""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import subprocess

# Files that stay open in the programs started here: a lock is theirs too, should this process end before them.
shared_files = contextvars.ContextVar("shared_files", default=())
KEPT = 4000  # characters of the output that a failure tells


class Failed(Exception):
    """A program failed or did not end in time; its last words are in the text."""


def run(argv, limit, stdin=None):
    """Return what the program printed. Raises Failed."""
    name = os.path.basename(argv[0])
    try:
        process = subprocess.Popen(
            argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            cwd="/", start_new_session=True, pass_fds=shared_files.get())
    except OSError as error:
        raise Failed("%s: %s" % (name, error)) from error
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output = "" if error.output is None else error.output if isinstance(error.output, str) else error.output.decode(errors="replace")
        with contextlib.suppress(subprocess.TimeoutExpired):
            output = process.communicate(timeout=5)[0]
        raise Failed("%s did not end in %d s: %s" % (name, limit, output.strip()[-KEPT:])) from error
    if process.returncode:
        raise Failed("%s ended with %d: %s" % (name, process.returncode, output.strip()[-KEPT:]))
    return output
