"""Answers without measure: they cost a bounded amount of memory, and an error that says so."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import msgspec
import pytest

from monitor.errors import AmbiguousWriteError, GenesysError, TooMuchAskedError, WrongShapeError
from monitor.genesys import Client
from monitor.genesys.api.actions import _ActionPage
from monitor.genesys.client.coercion import MOST_DROPPED
from monitor.genesys.client.content_encoding import MOST_BODY_BYTES, MOST_REFUSAL_BYTES
from monitor.genesys.client.decoding import decode_leniently
from tests.genesys.client.thing_api import READ_A, WRITE_A, read, write
from tests.genesys.far_side import TOKEN, FarSide, Reply

MOST_MEGABYTES = 100
"""What any answer may cost above what an idle process has."""

SWOLLEN = Reply(
    body=gzip.compress(bytes(MOST_BODY_BYTES + 1)), headers={"Content-Encoding": "gzip"}
)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells the peak of a process")
def test_no_answer_takes_more_memory_than_a_process_can_spare() -> None:
    """A gigabyte, bombs, and documents whose values swell: each ends, and soon."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.genesys.client.oversized_answers"],
        capture_output=True,
        check=True,
        timeout=100,
    )
    told = json.loads(done.stdout)

    assert told["above"] < MOST_MEGABYTES
    assert told["ended"] == {
        "a gigabyte": "TooMuchAskedError",
        "a gigabyte in chunks": "TooMuchAskedError",
        "a bomb": "TooMuchAskedError",
        "a bomb in a bomb": "TooMuchAskedError",
        "a bomb that is refused": f"500 with {MOST_REFUSAL_BYTES} bytes, whole: False",
        "a bomb that leads elsewhere": f"302 with {MOST_REFUSAL_BYTES} bytes, whole: False",
        "thousands of codings": told["ended"]["thousands of codings"],
        "empty records": "TooMuchAskedError",
        "numbers for records": "TooMuchAskedError",
        "lists for records": "TooMuchAskedError",
        "as many lists as are read": "WrongShapeError",
        "as many records as are read": "read",
        "a name of sixteen megabytes": "read",
        "names without end": "WrongShapeError",
    }
    assert told["ended"]["thousands of codings"].endswith("whole: False")


def test_an_answer_as_large_as_may_be_is_read(far_side: FarSide, client: Client) -> None:
    """To the byte."""
    text = b'{"name":"' + b"a" * (MOST_BODY_BYTES - 11) + b'"}'
    far_side.on(READ_A, Reply(body=text))
    assert len(read(client).name) == MOST_BODY_BYTES - 11
    far_side.on(READ_A, Reply(body=text + b" "))
    with pytest.raises(TooMuchAskedError, match="larger than 16 MiB"):
        read(client)


def test_a_swollen_answer_is_counted_and_not_asked_for_again(
    far_side: FarSide, client: Client
) -> None:
    """It would be as large the next time; the connection is not used any more."""
    far_side.on(READ_A, SWOLLEN)
    with pytest.raises(TooMuchAskedError):
        read(client)
    assert len(far_side.requests(READ_A)) == 1
    assert client.stats().requests["GET /api/v2/things/{thingId}", "too_large"] == 1


def test_a_write_with_a_swollen_answer_may_have_been_made(
    far_side: FarSide, client: Client
) -> None:
    """It arrived; what became of it is read first."""
    far_side.on(WRITE_A, SWOLLEN)
    with pytest.raises(AmbiguousWriteError, match="larger than 16 MiB"):
        write(client)


def test_a_swollen_login_is_no_reason_to_ask_for_less(far_side: FarSide, client: Client) -> None:
    """Nothing was asked for that could be less."""
    far_side.on(TOKEN, SWOLLEN)
    with pytest.raises(GenesysError) as refused:
        read(client)
    assert type(refused.value) is WrongShapeError


@pytest.mark.parametrize("good", [0, 1])
def test_bad_records_without_end_make_another_kind_of_answer(good: int) -> None:
    """Each would cost its time and its words."""
    entities = [{"id": "a"}] * good + [{}] * (MOST_DROPPED + 5)
    with pytest.raises(msgspec.ValidationError, match="can be read"):
        decode_leniently(json.dumps({"entities": entities}).encode(), _ActionPage)
