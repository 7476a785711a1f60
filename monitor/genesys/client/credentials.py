"""The credentials of an org, and again when their file holds others than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from monitor.clock import Clock
from monitor.errors import ConfigurationError
from monitor.genesys.client.auth import ClientCredentials, Grant, SignedJwt

if TYPE_CHECKING:
    from monitor.config import OrgSettings

log = structlog.get_logger()


class OrgCredentials:
    """What an org's settings, or the file that they name, give to log in with."""

    def __init__(self, org: OrgSettings, clock: Clock) -> None:
        """Read them.

        Args:
            org: Where the org is, and how to log in.
            clock: Time of issue of signed logins.

        Raises:
            ConfigurationError: A credential is missing, can't be read or can't be used.
        """
        self._org = org
        self._clock = clock
        self._texts = self._read()
        self.grant = self._grant(*self._texts)

    def reload(self) -> Grant | None:
        """Return the grant with what the file holds now; None where it is the same, or unusable.

        A secret is rotated by writing its file anew, and for a while the old one may still be
        there, or half of the new one: then the next refusal asks again.
        """
        try:
            texts = self._read()
            if texts == self._texts:
                return None
            grant = self._grant(*texts)
        except ConfigurationError as error:
            log.warning(
                "credential_not_read", org=self._org.name, why=error.message, hint=error.hint
            )
            return None
        self._texts, self.grant = texts, grant
        log.info("credential_read_again", org=self._org.name, client_id=self._org.client_id)
        return grant

    def _read(self) -> tuple[str | None, str | None]:
        key = self._org.read_private_key()
        return key, (self._org.read_client_secret() if key is None else None)

    def _grant(self, key: str | None, secret: str | None) -> Grant:
        org = self._org
        if key is not None:
            return SignedJwt(org.client_id, key, org.token_url, clock=self._clock)
        if secret is not None:
            return ClientCredentials(org.client_id, secret, org.token_url)
        raise ConfigurationError(
            f"The org {org.name} has no credential",
            "Set client_secret_file or private_key_file.",
        )
