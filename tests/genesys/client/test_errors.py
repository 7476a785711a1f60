"""What each answer other than the one asked for turns into."""

from __future__ import annotations

import pytest

from monitor.errors import (
    BadRequestError,
    ConflictError,
    GenesysError,
    NotFoundError,
    NotJsonError,
    PermissionDeniedError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Client
from tests.genesys.client.thing_api import QUERY, QUERY_ALL, READ, READ_A, Thing, read
from tests.genesys.conftest import MakeClient
from tests.genesys.far_side import FarSide, Reply


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, NotFoundError),
        (412, ConflictError),
        (415, BadRequestError),
    ],
)
def test_a_refusal_is_its_own_error_at_once(
    client: Client, far_side: FarSide, status: int, kind: type[GenesysError]
) -> None:
    """It carries endpoint, status and correlation id, and is not repeated."""
    far_side.on(READ_A, Reply(status, {"message": "No such luck.", "code": "no.luck"}))

    with pytest.raises(kind) as caught:
        read(client)

    error = caught.value
    assert type(error) is kind
    assert (error.endpoint, error.status, error.correlation_id) == (READ.label, status, "corr-1")
    assert "No such luck (no.luck)" in error.message
    assert error.hint
    assert len(far_side.requests(READ_A)) == 1


def test_a_bad_request_keeps_the_platforms_words_apart(client: Client, far_side: FarSide) -> None:
    """Callers react to the code and the message, for example to another granularity."""
    far_side.on(READ_A, Reply(400, {"message": "Granularity too small", "code": "bad.request"}))

    with pytest.raises(BadRequestError) as caught:
        read(client)

    assert (caught.value.code, caught.value.detail) == ("bad.request", "Granularity too small")


def test_a_missing_permission_is_named_with_the_place_to_grant_it(
    client: Client, far_side: FarSide
) -> None:
    """The hint of a 403 can be followed without a manual."""
    far_side.on(READ_A, Reply(403, {"message": "missing", "code": "missing.permissions"}))

    with pytest.raises(PermissionDeniedError) as caught:
        read(client)

    assert "things:view (or things:all)" in caught.value.hint
    assert "Admin > Roles/Permissions" in caught.value.hint


def test_a_refusal_without_a_permission_still_makes_a_sentence(
    client: Client, far_side: FarSide
) -> None:
    """A 403 from an endpoint without permissions says what can be checked."""
    far_side.on(QUERY_ALL, Reply(403, {"code": "forbidden"}))

    with pytest.raises(PermissionDeniedError) as caught:
        client.call(QUERY, Thing)

    assert caught.value.message == f"The OAuth client may not use {QUERY.label}: forbidden"
    assert "OAuth" in caught.value.hint


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize(
    "body", [b"<html>Blocked</html>", b"", b"[]", b"{}", b'{"message": null, "code": ""}']
)
def test_a_refusal_without_the_platforms_words_is_none(
    client: Client, far_side: FarSide, status: int, body: bytes
) -> None:
    """A proxy has answered: that says nothing of permissions, and is a fault like any other."""
    far_side.on(READ_A, Reply(status, body, {"Content-Type": "text/html"}))

    with pytest.raises(NotJsonError, match=f"status {status}") as caught:
        read(client)

    assert caught.value.status == status
    assert "proxy" in caught.value.hint
    assert len(far_side.requests(READ_A)) == 1


def test_a_redirect_is_not_followed(client: Client, far_side: FarSide) -> None:
    """A token never goes to a host that nobody configured."""
    far_side.on(READ_A, Reply(302, {}, {"Location": far_side.url + "/elsewhere?a=secret"}))

    with pytest.raises(NotJsonError, match=r"redirect to 127\.0\.0\.1") as caught:
        read(client)

    assert "secret" not in str(caught.value)
    assert far_side.requests("GET /elsewhere") == []


def test_a_web_page_is_not_mistaken_for_the_platform(client: Client, far_side: FarSide) -> None:
    """200 with HTML is a proxy or a wrong host, and is told so."""
    far_side.on(READ_A, Reply(200, b"<html>login</html>", {"Content-Type": "text/html"}))

    with pytest.raises(NotJsonError, match="text/html") as caught:
        read(client)

    assert caught.value.correlation_id == "corr-1"
    assert "api_url" in caught.value.hint


def test_bytes_that_are_no_text_are_not_json(client: Client, far_side: FarSide) -> None:
    """They end as an error of the tree, not as a codec's."""
    far_side.on(READ_A, Reply(200, b"\xff\xfe\x00"))

    with pytest.raises(NotJsonError):
        read(client)


def test_broken_characters_in_a_text_are_replaced(client: Client, far_side: FarSide) -> None:
    """The rest of the answer is worth reading."""
    far_side.on(READ_A, Reply(200, b'{"name": "Al\xffice"}'))

    assert read(client).name == "Al\ufffdice"


def test_another_shape_names_the_field(client: Client, far_side: FarSide) -> None:
    """The message says where in the answer, and what was expected there."""
    far_side.on(READ_A, Reply(200, {"name": []}))

    with pytest.raises(WrongShapeError, match=r"Expected `str`, got `array` - at `\$\.name`"):
        read(client)


def test_no_answer_carries_no_secret(make_client: MakeClient, far_side: FarSide) -> None:
    """Neither secret nor token shows in an error, its cause or a representation."""
    far_side.on(READ_A, Reply(500, {"message": "x"}))
    client = make_client(deadline_seconds=1.0)

    with pytest.raises(ServerFaultError) as caught:
        read(client)

    shown = repr(caught.value) + str(caught.value) + repr(vars(caught.value))
    assert "token-1" not in shown
    assert "secret-1" not in shown
