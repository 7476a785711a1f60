"""What changes something on the platform: one flow document, or one integration action.

Only the targets may import this module; import-linter holds the house to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from monitor.errors import AmbiguousWriteError, BadRequestError, ConflictError
from monitor.genesys import READ_FIRST, UNCOMPRESSED, Client, Endpoint, Response
from monitor.json_decoding import decode_json

PUT_FLOW = Endpoint(
    "PUT", "/api/v2/flows/{flowId}", ("flow:flow:write", "architect:flow:edit"), repeatable=False
)
PATCH_ACTION = Endpoint(
    "PATCH",
    "/api/v2/integrations/actions/{actionId}",
    ("integrations:action:edit",),
    repeatable=False,
)

_STALE_VERSION = "does not match the current version"
"""How the platform words a version conflict when it answers 400 instead of 409."""


class ActionUpdate(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body that changes an integration action (the platform's ``UpdateActionInput``).

    Attributes:
        version: The version that it was read at; another one in force is a conflict.
        config: The whole configuration, as JSON.
        name: Its name; left out where the platform gave none.
        category: Its category; left out where the platform gave none.
    """

    version: int
    config: msgspec.Raw
    name: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the platform answered to a write that it carried out.

    Attributes:
        etag: The answer's ETag; empty where it had none.
        version: The new version; empty where the answer does not name it.
    """

    etag: str
    version: str


class _Versioned(msgspec.Struct, frozen=True):
    version: int | str | None = None


PreSendCheck = Callable[[], None]
"""Called right before a write goes out; what it raises is raised, and then nothing was sent."""


def put_flow(
    client: Client,
    flow_id: str,
    document: bytes,
    etag: str,
    *,
    pre_send_check: PreSendCheck | None = None,
) -> Accepted:
    """Replace a flow's whole document, if it is still the one of this ETag. Sent once.

    Args:
        client: An org's client.
        flow_id: The flow.
        document: The whole document; it is sent byte for byte.
        etag: What the document was read under, as the platform wrote it.
        pre_send_check: Called right before it goes out.

    Raises:
        ConflictError: Somebody wrote since; nothing was changed.
        BadRequestError: The platform refused the document; nothing was changed.
        AmbiguousWriteError: It is not known whether it was carried out.
        GenesysError: Any other of the tree; nothing was changed.
    """
    with _conflicts_raised():
        response = client.fetch(
            PUT_FLOW,
            path={"flowId": flow_id},
            body=document,
            headers={**UNCOMPRESSED, "If-Match": etag},
            pre_send_check=pre_send_check,
        )
    return _accepted(PUT_FLOW, response)


def patch_action(
    client: Client,
    action_id: str,
    update: ActionUpdate,
    *,
    pre_send_check: PreSendCheck | None = None,
) -> Accepted:
    """Replace an integration action's configuration, if it is still at this version. Sent once.

    Args:
        client: An org's client.
        action_id: The action.
        update: The whole configuration, and the version that it was read at.
        pre_send_check: Called right before it goes out.

    Raises:
        ConflictError: Somebody wrote since; nothing was changed.
        BadRequestError: The platform refused the content; nothing was changed.
        AmbiguousWriteError: It is not known whether it was carried out.
        GenesysError: Any other of the tree; nothing was changed.
    """
    with _conflicts_raised():
        response = client.fetch(
            PATCH_ACTION, path={"actionId": action_id}, body=update, pre_send_check=pre_send_check
        )
    return _accepted(PATCH_ACTION, response)


@contextmanager
def _conflicts_raised() -> Iterator[None]:
    """Raise the conflict that a 400 stands for as one."""
    try:
        yield
    except BadRequestError as error:
        if _STALE_VERSION in error.detail:
            raise _conflict(error) from error
        raise


def _conflict(error: BadRequestError) -> ConflictError:
    return ConflictError(
        f"Somebody else wrote before {error.endpoint}: {error.detail}",
        "Read the current state and decide again.",
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
    )


def _accepted(endpoint: Endpoint, response: Response) -> Accepted:
    """Read a 2xx answer; an empty body is one, a web page is not the platform's."""
    version: int | str | None = None
    if response.body.strip():
        try:
            version = decode_json(response.body, _Versioned).version
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _not_understood(endpoint, response, error)
    return Accepted(response.headers.get("ETag", ""), "" if version is None else str(version))


def _not_understood(endpoint: Endpoint, response: Response, error: Exception) -> NoReturn:
    raise AmbiguousWriteError(
        f"The answer to {endpoint.label} can't be understood, so the change may have been made",
        READ_FIRST,
        endpoint=endpoint.label,
        status=response.status,
        correlation_id=response.correlation_id,
    ) from error
