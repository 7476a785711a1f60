"""Reading what came back: as what was asked for, or an error that says what it was instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from monitor.errors import (
    GenesysError,
    NotJsonError,
    TooMuchAskedError,
    UnforeseenError,
    WrongShapeError,
)
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.lenient_decoding import (
    MOST_VALUES,
    TooManyValuesError,
    check_value_count,
)
from monitor.genesys.client.transport import Response
from monitor.sanitize import sanitize

_LONGEST_KIND = 100  # characters of a content type, or of an id that was not asked for
_REPORT = "The API may have changed; report it with the correlation id."

T = TypeVar("T")
E = TypeVar("E", bound=GenesysError)


def decode_strictly(endpoint: Endpoint, response: Response, decode: type[T]) -> T:
    """Read a JSON answer as a ``decode``, all of it or nothing: what a write rests on.

    Raises:
        WrongShapeError: JSON without the fields that were asked for; names the field's path.
        NotJsonError: Not JSON at all.
    """
    with translated_decode_errors(endpoint, response):
        check_value_count(response.body, MOST_VALUES)
        return msgspec.json.decode(response.body, type=decode)


def unusable_response(
    kind: type[E], endpoint: Endpoint, response: Response, message: str, hint: str
) -> E:
    """Return an error about an answer that is of no use, with what the platform's support asks."""
    return kind(
        message,
        hint,
        endpoint=endpoint.label,
        status=response.status,
        correlation_id=response.correlation_id,
    )


def wrong_entity_error(
    endpoint: Endpoint, response: Response, asked: str, found: str
) -> WrongShapeError:
    """Return what to say of an answer that is about another entity than was asked for."""
    return unusable_response(
        WrongShapeError,
        endpoint,
        response,
        f"The answer to {endpoint.label} for {asked} is about {sanitize(found, _LONGEST_KIND)}",
        "A cache or a gateway in between mixes answers up: nothing can be written through it.",
    )


@contextmanager
def translated_decode_errors(endpoint: Endpoint, response: Response) -> Iterator[None]:
    """Raise what a decoder says as an error of the tree."""
    label = f"The answer to {endpoint.label}"
    try:
        yield
    except msgspec.ValidationError as error:
        said = f"{label} has another shape than expected: {error}"
        raise unusable_response(WrongShapeError, endpoint, response, said, _REPORT) from error
    except TooManyValuesError as error:
        said = f"{label} holds {error}, which nothing is read of"
        hint = "Less is asked for at once where that is possible; else report it."
        raise unusable_response(TooMuchAskedError, endpoint, response, said, hint) from error
    except RecursionError as error:
        said = f"{label} is nested too deeply to be read"
        raise unusable_response(WrongShapeError, endpoint, response, said, _REPORT) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = sanitize(response.headers.get("Content-Type", "no content type"), _LONGEST_KIND)
        said = f"{label} is not JSON ({kind})"
        hint = "Check region and api_url; a proxy or a web page answered in the platform's place."
        raise unusable_response(NotJsonError, endpoint, response, said, hint) from error
    except Exception as error:
        # The decoders are libraries: an answer is read, or it is told that it can't be.
        said = f"{label} can't be read: {UnforeseenError.of(error).message}"
        hint = "Report it with the correlation id."
        raise unusable_response(WrongShapeError, endpoint, response, said, hint) from error
