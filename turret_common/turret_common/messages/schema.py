# SPDX-License-Identifier: Apache-2.0
"""Schema of a ROS message type as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

#: Size in bytes (which is also the alignment) and :mod:`struct` letter of each primitive type of fixed size.
PRIMITIVES: dict[str, tuple[int, str]] = {
    'bool': (1, '?'), 'octet': (1, 'B'), 'char': (1, 'B'),
    'int8': (1, 'b'), 'uint8': (1, 'B'), 'int16': (2, 'h'), 'uint16': (2, 'H'),
    'int32': (4, 'i'), 'uint32': (4, 'I'), 'int64': (8, 'q'), 'uint64': (8, 'Q'),
    'float32': (4, 'f'), 'float64': (8, 'd'),
}


@dataclass(frozen=True)
class Primitive:
    """A number, a boolean or a byte; ``name`` is a key of :data:`PRIMITIVES`."""

    name: str


@dataclass(frozen=True)
class Text:
    """A string; ``limit`` is its maximum length, None for no limit."""

    limit: int | None = None
    wide: bool = False


@dataclass(frozen=True)
class Array:
    """Exactly ``size`` elements."""

    element: FieldType
    size: int


@dataclass(frozen=True)
class Sequence:
    """Any number of elements up to ``limit``, None for no limit."""

    element: FieldType
    limit: int | None = None


@dataclass(frozen=True)
class Field:
    """A field of a message and its default value (JSON types)."""

    name: str
    type: FieldType
    default: Any


@dataclass(frozen=True)
class Struct:
    """A message type, or the request, response, goal, result or feedback of a service or an action.

    Attributes:
        name: like ``package/msg/Name``.
        fields: in order.
        constants: name, type and value of each.
    """

    name: str
    fields: tuple[Field, ...]
    constants: tuple[tuple[str, FieldType, Any], ...] = ()


FieldType: TypeAlias = 'Primitive | Text | Array | Sequence | Struct'


def used_types(kind: Struct) -> Iterator[Struct]:
    """Give a type and every type that it uses, each once."""
    seen: set[str] = set()
    pending = [kind]
    while pending:
        current = pending.pop(0)
        if current.name not in seen:
            seen.add(current.name)
            yield current
            elements = (getattr(field.type, 'element', field.type) for field in current.fields)
            pending += [element for element in elements if isinstance(element, Struct)]


def same_layout(one: FieldType, other: FieldType) -> bool:
    """Return whether two types are serialized alike and have the same names of fields."""
    if isinstance(one, Struct) and isinstance(other, Struct):
        return len(one.fields) == len(other.fields) and all(
            a.name == b.name and same_layout(a.type, b.type) for a, b in zip(one.fields, other.fields, strict=True))
    if isinstance(one, Array) and isinstance(other, Array):
        return one.size == other.size and same_layout(one.element, other.element)
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return same_layout(one.element, other.element)
    if isinstance(one, Primitive) and isinstance(other, Primitive):
        return PRIMITIVES[one.name] == PRIMITIVES[other.name]
    return isinstance(one, Text) and isinstance(other, Text) and one.wide == other.wide


def is_blob(kind: FieldType) -> bool:
    """Return whether JSON carries values of this type as base64, as rosbridge does: unbounded uint8 and char."""
    return isinstance(kind, (Array, Sequence)) and isinstance(kind.element, Primitive) and (
        kind.element.name in ('uint8', 'char')) and getattr(kind, 'limit', None) is None


def type_text(kind: FieldType) -> str:
    """Return a type as a ``.msg`` file writes it, e.g. ``float64[9]`` or ``geometry_msgs/msg/Point[]``."""
    if isinstance(kind, Array):
        return f'{type_text(kind.element)}[{kind.size}]'
    if isinstance(kind, Sequence):
        return f'{type_text(kind.element)}[{"" if kind.limit is None else f"<={kind.limit}"}]'
    if isinstance(kind, Text):
        return ('wstring' if kind.wide else 'string') + ('' if kind.limit is None else f'<={kind.limit}')
    return kind.name
