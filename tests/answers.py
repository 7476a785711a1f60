"""Documents as those see them who read their JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def as_json(document: msgspec.Struct) -> Any:  # noqa: ANN401 - a document of any shape
    """Return a document as JSON has it, by the letter: a NaN in it is an error."""
    return json.loads(json.dumps(msgspec.to_builtins(document), allow_nan=False))
