"""A PostgreSQL server of the tests' own: made, started and stopped by them, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

PATIENCE_SECONDS = 30
USER = "postgres"


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def server(folder: Path, binaries: Path) -> Iterator[str]:
    """Run a server with its data in ``folder``; the URL of it, without a database."""
    data = folder / "data"
    folder.chmod(0o755)
    data.mkdir()
    user = None
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        shutil.chown(data, USER)
        user = USER
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync"],
        check=True,
        capture_output=True,
        cwd="/",
        user=user,
    )
    port = _free_port()
    settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=")
    # Nothing here has to survive a power cut.
    options = [word for setting in (*settings, "fsync=off") for word in ("-c", setting)]
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=user,
    )
    try:
        _await(port)
        yield f"postgresql://{USER}@127.0.0.1:{port}"
    finally:
        # A fast shutdown: SIGTERM would wait for connections that a failed test has left open.
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            psycopg.connect(f"postgresql://{USER}@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(port)
