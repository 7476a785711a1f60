"""Each of these rooms is used through its face, which is light to import."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOMS = tuple(
    sorted(one.parent.name for one in (Path(__file__).parents[2] / "monitor").glob("*/__init__.py"))
)
"""Every folder of the package."""

JOINED = {"genesys"}
"""Put together from the faces of their parts, each in order."""

FAR_SIDE = "simulator"
"""Its traffic is mathematics; nothing that starts up imports it."""

HEAVY = ("numpy", "pandas", "scipy")


@pytest.fixture(scope="module")
def house(root: Path) -> Iterator[ModuleType]:
    """The script that reads the imports, as a module."""
    spec = importlib.util.spec_from_file_location("house", root / "scripts" / "house.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "house", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def test_no_room_imports_past_the_face_of_another(house: ModuleType, root: Path) -> None:
    """What a room needs of another is a name of its face."""
    faceless, past = house.deep_imports(house.modules(root))
    assert faceless == []
    assert past == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_has_what_it_names(room: str) -> None:
    """Every name is there, once, in order; another is an AttributeError as anywhere."""
    face = importlib.import_module(f"monitor.{room}")
    named = sorted(face.__all__, key=_as_sorted) if room in JOINED else list(face.__all__)
    assert named == sorted(set(face.__all__), key=_as_sorted)
    for name in face.__all__:
        # A module of the room with this name would stand before what is loaded when asked for.
        assert not isinstance(getattr(face, name), ModuleType)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = face.nothing


def test_faces_load_neither_numpy_nor_pandas_nor_scipy() -> None:
    """Whoever names a value of a room does not pay for the mathematics behind it."""
    imports = "; ".join(f"import monitor.{room}" for room in ROOMS if room != FAR_SIDE)
    found = subprocess.run(
        [sys.executable, "-c", f"{imports}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert [name for name in HEAVY if name in found] == []
    assert "monitor.diagnosis.model" in found


def _as_sorted(name: str) -> tuple[int, str]:
    """The order of ruff: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
