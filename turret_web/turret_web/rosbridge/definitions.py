# SPDX-License-Identifier: Apache-2.0
"""Message definitions in the forms that ``rosapi`` returns."""

from __future__ import annotations

from typing import Any

from turret_common.messages.schema import (
    PRIMITIVES,
    Array,
    FieldType,
    Primitive,
    Sequence,
    Struct,
    type_text,
    used_types,
)

#: Names in ``rosapi`` of types whose IDL name differs from the name in ``.msg`` files.
_IDL_NAMES = {'bool': 'boolean', 'float32': 'float', 'float64': 'double', 'char': 'uint8'}


def typedefs(kind: Struct) -> list[dict[str, Any]]:
    """Return a type and every type that it uses as values of ``rosapi_msgs/msg/TypeDef``."""
    return [_typedef(inner) for inner in used_types(kind)]


def _typedef(kind: Struct) -> dict[str, Any]:
    inner = [_innermost(field.type) for field in kind.fields]
    return {
        'type': _short_name(kind),
        'fieldnames': [field.name for field in kind.fields],
        'fieldtypes': [_element_name(element) for element, _ in inner],
        'fieldarraylen': [length for _, length in inner],
        'examples': [_example(*pair) for pair in inner],
        'constnames': [name for name, _, _ in kind.constants],
        'constvalues': [str(value) for _, _, value in kind.constants],
    }


def _innermost(kind: FieldType) -> tuple[FieldType, int]:
    """Return the element type and the length: -1 for no array, 0 for any length."""
    if isinstance(kind, Array):
        return kind.element, kind.size
    if isinstance(kind, Sequence):
        return kind.element, 0
    return kind, -1


def _element_name(kind: FieldType) -> str:
    if isinstance(kind, Struct):
        return _short_name(kind)
    name = type_text(kind)
    return _IDL_NAMES.get(name, name)


def _example(kind: FieldType, length: int) -> str:
    if length >= 0:
        return '[]'
    if isinstance(kind, Struct):
        return '{}'
    if isinstance(kind, Primitive):
        return {'?': 'False', 'f': '0.0', 'd': '0.0'}.get(PRIMITIVES[kind.name][1], '0')
    return ''


def _short_name(kind: Struct) -> str:
    return kind.name.replace('/msg/', '/').replace('/srv/', '/')
