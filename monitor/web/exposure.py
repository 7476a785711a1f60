"""Who may read what is served: said out loud where that is more than this machine."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.web.web_config import WebConfig


@dataclass(frozen=True, slots=True)
class Exposure:
    """Something that is served to more than its owner may think.

    Attributes:
        event: Its name in the log.
        what: One sentence.
        hint: What to do about it.
    """

    event: str
    what: str
    hint: str


def exposure_of(host: str, config: WebConfig) -> Exposure | None:
    """Return what others could read who reach the host; None where they are asked, or can't.

    Args:
        host: ``[serve] host``.
        config: What ``[serve] web_config`` holds.
    """
    if _is_loopback(host):
        return None
    if config.passwords is None:
        return Exposure(
            "served_to_everybody",
            f"Whoever reaches {host} may read every page, name and count: no password is asked",
            "Set [serve] web_config to a file with basic_auth_users, or host to 127.0.0.1 "
            "behind a proxy that asks; nobody can change anything there.",
        )
    if config.tls is None:
        return Exposure(
            "passwords_in_the_clear",
            f"Passwords and pages travel unencrypted to whoever asks {host}",
            "Give [serve] web_config a tls_server_config, or set host to 127.0.0.1 behind a proxy.",
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
