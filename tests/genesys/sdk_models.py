"""The official SDK's models as a judge: field names, types and enums of the published API.

Names come from each model's ``attribute_map``, types from ``swagger_types``, enums from the
``allowed_values`` of the setters, compared to the letter although the setters fold case.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence

import PureCloudPlatformClientV2 as sdk  # noqa: N813 - the SDK's own name shouts
from msgspec import inspect as shapes

PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "datetime": str,
}


def _item_of(kind: str) -> str | None:
    """``X`` of the SDK's ``list[X]``; None for any other type."""
    match = re.fullmatch(r"list\[(.+)\]", kind)
    return match[1] if match else None


def _value_of(kind: str) -> str | None:
    """``X`` of the SDK's ``dict(str, X)``; None for any other type."""
    match = re.fullmatch(r"dict\(str, (.+)\)", kind)
    return match[1] if match else None


def model_fields(model: str) -> dict[str, tuple[str, str]]:
    """JSON name -> (attribute, type) of an SDK model."""
    instance = getattr(sdk, model)()
    types = instance.swagger_types
    return {
        name: (attribute, types[attribute]) for attribute, name in instance.attribute_map.items()
    }


def allowed_values(model: str, attribute: str) -> tuple[str, ...] | None:
    """The enum that a model's setter checks against; None where it takes any value."""
    setter = getattr(getattr(sdk, model), attribute).fset
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(setter)))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "allowed_values":
            return tuple(ast.literal_eval(node.value))
    return None


def payload_problems(payload: object, kind: str, where: str = "$") -> Iterator[str]:
    """What in a JSON value is not of the SDK's type ``kind``: unknown fields, types, enums."""
    item, value = _item_of(kind), _value_of(kind)
    if item is not None and isinstance(payload, list):
        for index, part in enumerate(payload):
            yield from payload_problems(part, item, f"{where}[{index}]")
    elif value is not None and isinstance(payload, dict):
        for name, part in payload.items():
            yield from payload_problems(part, value, f"{where}.{name}")
    elif kind in PLAIN:
        if not isinstance(payload, PLAIN[kind]) or isinstance(payload, bool) is not (
            kind == "bool"
        ):
            yield f"{where}: {payload!r} is no {kind}"
    elif item is None and value is None and isinstance(payload, dict):
        yield from _object_problems(payload, kind, where)
    else:
        yield f"{where}: {payload!r} is no {kind}"


def _object_problems(payload: dict[str, object], model: str, where: str) -> Iterator[str]:
    fields = model_fields(model)
    for name, part in payload.items():
        if name not in fields:
            yield f"{where}.{name}: {model} has no such field"
            continue
        attribute, kind = fields[name]
        yield from payload_problems(part, kind, f"{where}.{name}")
        allowed = allowed_values(model, attribute)
        if allowed is not None and part not in allowed:
            yield f"{where}.{name}: {part!r} is not one of {allowed}"


def shape_problems(shape: shapes.Type, kind: str, where: str = "$") -> Iterator[str]:
    """What in a type of ours does not fit the SDK's type ``kind``, field by field."""
    if isinstance(shape, shapes.UnionType):
        parts = [part for part in shape.types if not isinstance(part, shapes.NoneType)]
        if not _is_number_however_written(parts, kind):
            for part in parts:
                yield from shape_problems(part, kind, where)
    elif isinstance(shape, shapes.VarTupleType):
        item = _item_of(kind)
        yield from (
            shape_problems(shape.item_type, item, where + "[]")
            if item
            else [f"{where}: {kind} is no list"]
        )
    elif isinstance(shape, shapes.DictType):
        value = _value_of(kind)
        yield from (
            shape_problems(shape.value_type, value, where + "{}")
            if value
            else [f"{where}: {kind} is no dict"]
        )
    elif isinstance(shape, shapes.StructType):
        yield from _struct_problems(shape, kind, where)
    elif isinstance(shape, shapes.RawType):
        return  # what the platform itself sent; bodies that arrive are looked into all the same
    elif not isinstance(shape, SHAPES_OF.get(kind, ())):
        yield f"{where}: {type(shape).__name__} does not fit {kind}"


def _is_number_however_written(parts: Sequence[shapes.Type], kind: str) -> bool:
    """Return whether a type of ours takes the SDK's number, and the same as another or as text.

    Answers may hold ``3.0`` or ``"3"`` where the model has ``3``.
    """
    numbers = (shapes.IntType, shapes.FloatType, shapes.StrType)
    fits = any(isinstance(part, SHAPES_OF.get(kind, ())) for part in parts)
    return kind in {"int", "float"} and fits and all(isinstance(part, numbers) for part in parts)


SHAPES_OF: dict[str, tuple[type[shapes.Type], ...]] = {
    "str": (shapes.StrType, shapes.LiteralType, shapes.EnumType),
    "int": (shapes.IntType,),
    "float": (shapes.FloatType, shapes.IntType),
    "bool": (shapes.BoolType,),
    "datetime": (shapes.DateTimeType,),
}


def _struct_problems(shape: shapes.StructType, kind: str, where: str) -> Iterator[str]:
    """What in a struct of ours does not fit an SDK model, or a map whose keys are known."""
    value = _value_of(kind)
    if value:
        for ours in shape.fields:
            yield from shape_problems(ours.type, value, f"{where}{{}}")
        return
    if not hasattr(sdk, kind):
        yield f"{where}: {kind} is no model"
        return
    fields = model_fields(kind)
    for ours in shape.fields:
        at = f"{where}.{ours.encode_name}"
        if ours.encode_name.startswith("#"):
            continue  # what we note of a page ourselves; no field of the platform begins so
        if ours.encode_name not in fields:
            yield f"{at}: {kind} has no such field"
            continue
        attribute, field_kind = fields[ours.encode_name]
        yield from shape_problems(ours.type, field_kind, at)
        allowed = allowed_values(kind, attribute)
        for literal in _literals(ours.type):
            if allowed is not None and literal not in allowed:
                yield f"{at}: {literal!r} is not one of {allowed}"


def _literals(shape: shapes.Type) -> list[str]:
    """The words that a field of ours can hold, where they are fixed."""
    if isinstance(shape, shapes.UnionType):
        return [word for part in shape.types for word in _literals(part)]
    if isinstance(shape, shapes.EnumType):
        return [str(member.value) for member in shape.cls]
    return [str(word) for word in shape.values] if isinstance(shape, shapes.LiteralType) else []
