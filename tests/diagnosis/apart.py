"""What tests let another process do; it finds these functions by their names."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from monitor.diagnosis.worker_process import WorkerProcess


def prepare(word: str) -> None:
    """Take a word."""
    os.environ["WORD"] = word


def identity() -> tuple[int, str]:
    """Which process this is, and the word that it was given."""
    return os.getpid(), os.environ["WORD"]


def wait_for_ever(begun: str) -> None:
    """Say which process this is, in a file, and never come back."""
    Path(begun).write_text(str(os.getpid()), encoding="ascii")
    time.sleep(3_600)


def main(begun: str) -> None:
    """Start a process that never comes back, and wait for it."""
    WorkerProcess(prepare, "").submit(wait_for_ever, begun).result()


if __name__ == "__main__":
    main(sys.argv[1])
