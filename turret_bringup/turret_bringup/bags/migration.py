"""Messages of a bag that was recorded with other versions of their types, in the form of the present ones.

A bag holds the text of every type. Fields keep their values by name; new ones get their defaults, and those that are
gone are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.schema import PRIMITIVES, Array, Field, FieldType, Primitive, Sequence, Struct, Text

_RULE = re.compile(r'^={40,}$', re.MULTILINE)
_LINE = re.compile(
    r'(?P<base>[A-Za-z]\w*(?:/(?:msg/)?[A-Za-z]\w*)?)(?:<=(?P<length>\d+))?'
    r'(?P<array>\[(?P<limit><=)?(?P<size>\d*)\])?\s+(?P<name>[A-Za-z]\w*)(?!\w*\s*=)(?:\s.*)?')
_DEEPEST = 20


def parse(definition: str, type_name: str) -> Struct:
    """Return the shape of a type from its text in the form ``ros2msg``.

    Args:
        definition: the ``.msg`` file, then those of all types that it uses.
        type_name: like ``std_msgs/msg/Header``.

    Raises:
        CodecError: it makes no sense.
    """
    main, *others = _RULE.split(definition)
    texts = {_short(type_name): main}
    for part in others:
        head, _, text = part.strip().partition('\n')
        texts[_short(head.removeprefix('MSG:').strip())] = text
    return _struct(_short(type_name), texts, 0)


def same(one: FieldType, other: FieldType) -> bool:
    """Return whether two types look the same on the wire and call their fields the same."""
    if isinstance(one, Struct) and isinstance(other, Struct):
        return len(one.fields) == len(other.fields) and all(
            a.name == b.name and same(a.type, b.type) for a, b in zip(one.fields, other.fields, strict=True))
    if isinstance(one, Array) and isinstance(other, Array):
        return one.size == other.size and same(one.element, other.element)
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return same(one.element, other.element)
    if isinstance(one, Primitive) and isinstance(other, Primitive):
        return PRIMITIVES[one.name] == PRIMITIVES[other.name]
    return isinstance(one, Text) and isinstance(other, Text) and one.wide == other.wide


def converter(recorded: Struct, present: Struct) -> Callable[[bytes], bytes]:
    """Return a function that brings a serialized message into the form of the present type; it raises CodecError."""
    read, write = Codec(recorded), Codec(present)

    def convert(data: bytes) -> bytes:
        return write.encode(_fitted(read.to_json(data), present), 0)
    return convert


def _fitted(value: Any, kind: FieldType) -> Any:
    """Return a value without the fields that the type does not have."""
    if isinstance(kind, Struct) and isinstance(value, dict):
        types = {field.name: field.type for field in kind.fields}
        return {name: _fitted(part, types[name]) for name, part in value.items() if name in types}
    if isinstance(kind, (Array, Sequence)) and isinstance(kind.element, Struct) and isinstance(value, list):
        return [_fitted(element, kind.element) for element in value]
    return value


def _struct(name: str, texts: Mapping[str, str], depth: int) -> Struct:
    if name not in texts or depth > _DEEPEST:
        raise CodecError(f'the text of {name[:100]} is missing or refers to itself')
    fields = []
    for line in texts[name].splitlines():
        match = _LINE.fullmatch(line.partition('#')[0].strip())
        if match:
            fields.append(Field(match['name'], _type(match, name.partition('/')[0], texts, depth), None))
    package, _, base = name.partition('/')
    return Struct(f'{package}/msg/{base}', tuple(fields))


def _type(match: re.Match[str], package: str, texts: Mapping[str, str], depth: int) -> FieldType:
    base, size = match['base'], match['size']
    kind: FieldType
    if base in ('string', 'wstring'):
        kind = Text(int(match['length']) if match['length'] else None, base == 'wstring')
    elif base == 'byte':
        kind = Primitive('octet')
    elif base in PRIMITIVES:
        kind = Primitive(base)
    else:
        used = 'std_msgs/Header' if base == 'Header' else base if '/' in base else f'{package}/{base}'
        kind = _struct(_short(used), texts, depth + 1)
    if match['array'] is None:
        return kind
    return Array(kind, int(size)) if size and not match['limit'] else Sequence(kind, int(size) if size else None)


def _short(name: str) -> str:
    return name.replace('/msg/', '/')
