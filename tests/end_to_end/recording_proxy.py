"""A CONNECT proxy that writes down where each connection wants to go, and ends TLS by itself.

Whatever host is asked for, it answers with a certificate of its own authority for that host and
hands the bytes on to one address on loopback: nothing leaves the machine, and a connection to a
wrong host is written down instead of failing for lack of a network.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_MOST_HEAD_BYTES = 16_384
_PATIENCE_SECONDS = 60


class Authority:
    """Signs certificates that nobody outside of a test trusts."""

    def __init__(self, folder: Path) -> None:
        """Make its key and its own certificate.

        Args:
            folder: Where it keeps files; ``ca.pem`` is its certificate.
        """
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A test's authority")])
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        own = self._signed(self._name, self._key.public_key(), is_authority=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """What a server shows that goes by the name of a host."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._new_context(host)
            return self._contexts[host]

    def _new_context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._signed(name, key.public_key(), host=host)
        path = self._folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        host: str = "",
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if is_authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        else:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class RecordingProxy:
    """Where it listens, and what went through it.

    Attributes:
        port: Where it listens.
        authority: Signs what it shows.
        behind: Host and port that everything is handed on to.
        asked_for: The first line of each connection, such as ``CONNECT host:443 HTTP/1.1``.
        sent: What clients sent, each connection's bytes together.
    """

    port: int
    authority: Authority
    behind: tuple[str, int]
    asked_for: list[str] = field(default_factory=list)
    sent: list[bytearray] = field(default_factory=list)

    @property
    def hosts(self) -> set[str]:
        """Host and port of every connection that was asked for."""
        return {line.split()[1] for line in self.asked_for}

    def serve(self, client: socket.socket) -> None:
        """One connection to its end."""
        with contextlib.suppress(OSError), client:
            head = _head_of(client)
            first_line = head.partition(b"\r\n")[0].decode("latin-1")
            self.asked_for.append(first_line)
            if not first_line.startswith("CONNECT "):
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                return
            host = first_line.split()[1].rpartition(":")[0]
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            said = bytearray()
            self.sent.append(said)
            with (
                self.authority.context(host).wrap_socket(client, server_side=True) as inner,
                socket.create_connection(self.behind) as onwards,
            ):
                back = threading.Thread(target=_hand_on, args=(onwards, inner), daemon=True)
                back.start()
                _hand_on(inner, onwards, said)
                back.join(_PATIENCE_SECONDS)


def _head_of(client: socket.socket) -> bytes:
    """A request's first lines, up to the empty one."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MOST_HEAD_BYTES:
        more = client.recv(1)
        if not more:
            break
        head += more
    return head


def _hand_on(source: socket.socket, target: socket.socket, said: bytearray | None = None) -> None:
    """Copy bytes until one side has hung up."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            if said is not None:
                said.extend(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def recording(folder: Path, behind: tuple[str, int]) -> Iterator[RecordingProxy]:
    """A proxy that runs inside the block.

    Args:
        folder: Where its certificates go.
        behind: Host and port that everything is handed on to.
    """
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        proxy = RecordingProxy(port, Authority(folder), behind)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield proxy
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(_PATIENCE_SECONDS)
