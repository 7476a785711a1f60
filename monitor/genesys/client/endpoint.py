"""An endpoint: method, path, the permissions it asks for, and whether it may be repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from monitor.errors import WrongShapeError
from monitor.sanitize import sanitize

_LONGEST_VALUE = 1000
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the platform's API.

    Attributes:
        method: HTTP method.
        path_template: Path with places in braces, as the platform's documentation writes it.
        permissions: Any one of them is enough; the first is the one to recommend. Empty where
            none is needed.
        repeatable: Whether sending it twice does what sending it once does. True for reads, and
            for queries that are sent by POST; never for a write.
        overloads: How many 408 or 504 in a row mean that too much was asked at once; None where
            they mean nothing but a slow platform.
        source: What is read there, as the metric of dropped records names it.
        refuses_in_any_words: Whether a 403 or 404 is a refusal whatever its body is. Gateways of
            the flow contract have words of their own for a flow that is not there; elsewhere an
            answer without the platform's words is a proxy's, and says nothing of the platform.
    """

    method: str
    path_template: str
    permissions: tuple[str, ...] = ()
    repeatable: bool = True
    source: str = "catalogue"
    overloads: int | None = None
    refuses_in_any_words: bool = False

    @property
    def label(self) -> str:
        """Its name in metrics, logs and errors, for example ``GET /api/v2/flows/{flowId}``."""
        return f"{self.method} {self.path_template}"

    def path(self, values: Mapping[str, str]) -> str:
        """Return the path with its places filled in, each value percent-encoded.

        Raises:
            KeyError: A place has no value.
            WrongShapeError: A value would lead to another path: it is empty, or only dots.
        """
        for name, value in values.items():
            # An address is tidied on its way: these two would take the part before them with them.
            if value in {"", ".", ".."} or value != sanitize(value, _LONGEST_VALUE):
                raise WrongShapeError(
                    f"{self.label} can't be asked with {value[:40]!r} as its {name}",
                    "Check the id; where the platform gave it, report it.",
                    endpoint=self.label,
                )
        return _PLACE.sub(lambda place: quote(values[place[1]], safe=""), self.path_template)
