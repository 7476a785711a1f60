"""Reads a small file that a setting names, whatever is there: a pipe, a device, a terabyte."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path

MOST_FILE_BYTES = 1 << 20
"""A certificate chain, a key or a list of users is a few thousand bytes."""

PIPE_SECONDS = 5.0
"""Whoever hands a secret over through a pipe, as ``<(command)`` does, has written it by then."""


def read_small_file(path: Path) -> bytes:
    """Return what is in a file, or what is written into a pipe within a few seconds.

    Raises:
        OSError: It can't be read, is a directory or a device, holds too much, or nobody writes
            into it; ``strerror`` says which.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(number).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            raise OSError(errno.EINVAL, "It is a device", str(path))
        return _read(number, path)
    finally:
        os.close(number)


def _read(number: int, path: Path) -> bytes:
    content, deadline = b"", time.monotonic() + PIPE_SECONDS
    poll = select.poll()
    poll.register(number, select.POLLIN)
    while len(content) <= MOST_FILE_BYTES:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise OSError(errno.ETIMEDOUT, "Nobody writes into this pipe", str(path))
        part = os.read(number, MOST_FILE_BYTES + 1)
        if not part:
            return content
        content += part
    raise OSError(errno.EFBIG, f"It is larger than {MOST_FILE_BYTES >> 20} MiB", str(path))
