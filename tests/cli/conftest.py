"""The command line inside the test's own process, and as a process of its own."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from monitor.cli import main, progress
from monitor.genesys import TokenBucket
from tests.daemon.place import Finished, Place
from tests.simulated_org import QUIET, flow_only, serve_live_org
from tests.simulated_org import SMALL as SMALL_ORG

Command = Callable[..., Finished]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A configuration that names a running simulated org."""
    with serve_live_org() as simulator:
        yield Place(tmp_path, simulator)


@pytest.fixture
def quiet_place(tmp_path: Path) -> Iterator[Place]:
    """The same for an org without data actions."""
    with serve_live_org(QUIET) as simulator:
        yield Place(tmp_path, simulator)


@pytest.fixture
def flow_place(tmp_path: Path) -> Iterator[Place]:
    """The same for an org that shows flow documents and detail records only."""
    with serve_live_org(flow_only(SMALL_ORG)) as simulator:
        yield Place(tmp_path, simulator, contract="flow")


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Command]:
    """Run ``timeout-monitor`` in this process, in the test's directory; failures are not retried.

    Everything of the program runs, from its arguments to its exit code; only the start of an
    interpreter is saved.
    """
    monkeypatch.chdir(tmp_path)
    # A real org must not be asked faster; a simulated one does not mind, and tests would wait.
    usual = TokenBucket.__init__.__kwdefaults__
    assert usual is not None
    monkeypatch.setitem(usual, "burst", 10_000)
    # How long a command takes is the machine's affair.
    monkeypatch.setattr(progress, "SLOW_SECONDS", 60.0)
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def run(*arguments: str) -> Finished:
        monkeypatch.setattr(sys, "argv", ["timeout-monitor", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Finished(code, said.out, said.err)

    with stamina.set_testing(True, attempts=1):
        yield run
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that were given as a private key, by what is the matter with them."""
    good = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    public = good.public_key().public_bytes(
        private, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    contents = {
        "good": good.private_bytes(private, pkcs8, plain),
        "encrypted": good.private_bytes(
            private, pkcs8, serialization.BestAvailableEncryption(b"passphrase")
        ),
        "public": public,
        "garbage": b"this is no key at all\n",
        "binary": bytes(range(256)),
        "empty": b"",
        "elliptic": ec.generate_private_key(ec.SECP256R1()).private_bytes(private, pkcs8, plain),
        "short": rsa.generate_private_key(
            public_exponent=65_537,
            key_size=1_024,  # noqa: S505 - it is there to be refused
        ).private_bytes(private, pkcs8, plain),
    }
    folder = tmp_path_factory.mktemp("keys")
    for name, content in contents.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {name: folder / f"{name}.pem" for name in [*contents, "missing"]}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let a process that is started now hear SIGINT, though the tests themselves may ignore it.

    A shell without job control starts what runs in its background so, and it is inherited: Python
    then leaves it at that, and no number of presses ends the process.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ends_well(process: subprocess.Popen[str]) -> bool:
    """Whether a process that was asked to end does so with exit code 0."""
    process.terminate()
    return process.wait(10) == 0
