"""Faces of rooms whose names are loaded when they are first asked for (PEP 562).

A face names what others may use, and costs nothing: whoever wants one value of a room does not pay
for numpy, pandas or scipy behind another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def load_when_asked(face: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a face.

    Args:
        face: The face's own name.
        names: Its names, by the module of the room that each is loaded from.
    """
    homes = {name: module for module, own in names.items() for name in own}

    def load(name: str) -> object:
        """Load a name of the face.

        Raises:
            AttributeError: The face has no such name.
        """
        if name not in homes:
            raise AttributeError(f"module {face!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{face}.{homes[name]}"), name)
        setattr(sys.modules[face], name, value)
        return value

    return load
