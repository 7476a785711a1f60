"""What scripts read of every document: its keys, their order, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor import __version__
from tests.render.filled_documents import filled_documents

KEPT = Path(__file__).parent / "documents"
"""Each document as it was when scripts were written for it."""


def lost(kept: Any, now: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what a script would miss; a key that is new is nobody's loss."""
    if isinstance(kept, dict) and isinstance(now, dict):
        order = [key for key in now if key in kept]
        if order != list(kept):
            yield f"{where}: {list(kept)} became {order}"
        for key in order:
            yield from lost(kept[key], now[key], f"{where}.{key}")
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for number, (one, other) in enumerate(zip(kept, now, strict=True)):
            yield from lost(one, other, f"{where}[{number}]")
    elif kept != now or isinstance(kept, float) != isinstance(now, float):
        yield f"{where}: {kept!r} became {now!r}"


@pytest.mark.parametrize("name", sorted(one.stem for one in KEPT.glob("*.json")))
def test_a_document_keeps_what_scripts_read_of_it(name: str, tmp_path: Path) -> None:
    """Every key that ever was is there with its value, in its place among the others."""
    kept = msgspec.json.decode((KEPT / f"{name}.json").read_bytes())
    made = filled_documents(tmp_path)[name]()
    if name == "status":
        kept["version"] = __version__

    assert list(lost(kept, msgspec.json.decode(msgspec.json.encode(made)))) == []


def test_every_document_is_kept(tmp_path: Path) -> None:
    """A document without a file would be held by nothing."""
    assert {one.stem for one in KEPT.glob("*.json")} == filled_documents(tmp_path).keys()
