"""Prints figures about the shape of the code: how many rooms one has to cross, and how often.

    python -m scripts.house [path]      of the tree at ``path``, this one where none is given

The figures are what can be counted; whether a room is good to live in, they don't say. The routes
are those that docs/architecture.md tells, so they are as honest as that page, whose steps
``tests/project/test_architecture.py`` walks.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "monitor"
FAR_SIDE = "monitor.simulator"
"""The far side of the wire: its models bear the platform's names, as the client's do."""
SMALL_LINES = 60
MOST_PARAMETERS = 6
ROUTES = {"metric": "HTTP answer -> metric", "PATCH": "diagnosis -> PATCH", "setting": "a setting"}
_STEP = re.compile(r"^\d+\. `(?P<file>monitor/[\w/]+\.py)` `(?P<name>[\w.]+)`", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package.

    Attributes:
        name: As it is imported, such as ``monitor.errors``.
        path: From the root of the tree.
        lines: How many it has.
        tree: What it says.
        is_package: Whether it is the face of a folder.
    """

    name: str
    path: Path
    lines: int
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        """The first folder or file below the package."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def is_near(self) -> bool:
        """Whether it is on this side of the wire."""
        return self.name != FAR_SIDE and not self.name.startswith(FAR_SIDE + ".")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a route that docs/architecture.md tells: a function, and where it is."""

    file: str
    name: str


def modules(root: Path) -> list[Module]:
    """Return every file of the package below ``root``."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        found.append(Module(name, path.relative_to(root), len(text.splitlines()), tree, is_package))
    return found


def imports(module: Module, known: frozenset[str]) -> Iterator[str]:
    """Yield the modules of the package that a module imports; a name in a module counts for it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known:
                    yield inner
                elif node.module in known:
                    yield node.module


def names_with_several_meanings(of: Iterable[Module]) -> dict[str, list[str]]:
    """Return the class names that several modules define, with these modules.

    A class of the simulator that stands for what the platform has counts as the same thing.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module in of:
        if module.is_near:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(module.name)
    return {name: where for name, where in sorted(places.items()) if len(where) > 1}


def importers(of: Iterable[Module]) -> dict[str, set[str]]:
    """Return by module who imports it.

    A name that is taken from a face counts for the module that defines it, and the face itself,
    which only names what others may use, counts for none.
    """
    of = list(of)
    known = frozenset(one.name for one in of)
    homes = {one.name: _homes(one, known) for one in of if one.is_package and _has_face(one)}
    found: dict[str, set[str]] = {one.name: set() for one in of}
    for module in of:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                home = inner if inner in known else _home(homes, node.module, alias.name)
                if home in known and home != module.name and not _is_face_of(module, home, homes):
                    found[home].add(module.name)
    return found


def _homes(face: Module, known: frozenset[str]) -> dict[str, list[str]]:
    """Return by name of a face the module that it comes from; under ``*`` those taken whole."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for node in ast.walk(face.tree):
        if isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                found[alias.name].append(node.module)
    return dict(found)


def _home(homes: Mapping[str, Mapping[str, list[str]]], module: str, name: str) -> str:
    """Return the module that defines a name, through as many faces as it takes."""
    if module not in homes:
        return module
    face = homes[module]
    if name in face:
        return _home(homes, face[name][0], name) if face[name][0] != module else module
    for inner in face.get("*", ()):
        home = _home(homes, inner, name)
        if home != inner:
            return home
    return module


def _is_face_of(module: Module, home: str, homes: Mapping[str, object]) -> bool:
    return module.name in homes and home.startswith(f"{module.name}.")


def types_that_count(of: Iterable[Module]) -> list[str]:
    """Return the classes with a count and bands or a sum of durations: what carries a tally."""
    found = []
    for module in of:
        if not module.is_near:
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            fields = {
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            }
            if fields & {"count", "counted", "counts"} and fields & {
                *("bands", "duration_ms", "total_ms", "sum_ms", "tally", "max_ms")
            }:
                found.append(f"{module.name}.{node.name}")
    return found


def deep_imports(of: Iterable[Module]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the folders without a face (``__all__``), and who imports past one from outside."""
    of = list(of)
    by_name = {one.name: one for one in of}
    folders = [one for one in of if one.is_package and one.name != PACKAGE]
    faceless = [one.name for one in folders if not _has_face(one)]
    past = set()
    for module in of:
        for name in imports(module, frozenset(by_name)):
            room = name.split(".")[1] if "." in name else ""
            is_inner = not by_name[name].is_package or name.count(".") > 1
            if name.count(".") > 1 and is_inner and room != module.room:
                past.add((module.name, name))
    return faceless, sorted(past)


def wide_functions(of: Iterable[Module]) -> list[str]:
    """Return the functions with more than six parameters, but for the commands of the CLI."""
    found = []
    for module in of:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            args = node.args
            given = [*args.posonlyargs, *args.args, *args.kwonlyargs]
            if any(one.annotation and "id='typer'" in ast.dump(one.annotation) for one in given):
                continue  # a command has as many parameters as it has options
            names = [one.arg for one in given]
            count = len([name for name in names if name not in {"self", "cls"}])
            if count > MOST_PARAMETERS:
                found.append(f"{module.name}.{node.name} ({count})")
    return found


def routes(root: Path) -> Mapping[str, list[Step]]:
    """Return the routes that docs/architecture.md tells, by the word in their headings."""
    page = root / "docs" / "architecture.md"
    if not page.exists():
        return {}
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for section in sections:
        heading = section.splitlines()[0] if section else ""
        for word in ROUTES:
            if f"*{word}*" in heading:
                found[word] = [Step(m["file"], m["name"]) for m in _STEP.finditer(section)]
    return found


def _has_face(module: Module) -> bool:
    return any(
        isinstance(node, ast.Assign | ast.AnnAssign)
        and any(
            isinstance(target, ast.Name) and target.id == "__all__"
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        )
        for node in module.tree.body
    )


def figures(root: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield what is counted, the figure, and what was counted."""
    every = modules(root)
    near = [one for one in every if one.is_near]
    several = names_with_several_meanings(every)
    yield (
        "class names that mean several things",
        str(len(several)),
        [f"{name}: {', '.join(where)}" for name, where in several.items()],
    )
    small = [one for one in every if one.lines < SMALL_LINES]
    yield "files below 60 lines", str(len(small)), [f"{one.path} {one.lines}" for one in small]
    single = [name for name, who in importers(every).items() if len(who) == 1]
    yield "files with one importer only", str(len(single)), sorted(single)
    counting = types_that_count(every)
    yield "value types that carry counts", str(len(counting)), counting
    told = routes(root)
    for word, what in ROUTES.items():
        steps = list(dict.fromkeys(told.get(word, [])))
        files = Counter(step.file for step in steps)
        if steps:
            yield what, f"{len(steps)} functions, {len(files)} files", list(files)
    faceless, past = deep_imports(every)
    yield "folders without a face", str(len(faceless)), faceless
    yield "imports past a face", str(len(past)), [f"{who} -> {what}" for who, what in past]
    wide = wide_functions(every)
    yield "functions with more than 6 parameters", str(len(wide)), wide
    yield "lines without the simulator", f"{sum(one.lines for one in near):,}", []


def main() -> None:
    """Print every figure; with ``-v`` what was counted too."""
    words = [one for one in sys.argv[1:] if not one.startswith("-")]
    root = Path(words[0]) if words else ROOT
    for what, figure, counted in figures(root):
        print(f"{what:<40}{figure}")  # noqa: T201 - what it is for
        if "-v" in sys.argv:
            print(*(f"    {one}" for one in counted), sep="\n")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
