# SPDX-License-Identifier: Apache-2.0
"""Message definitions as text, in the form of ``.msg`` files: assembled from installed files, parsed, and written.

A definition in the form ``ros2msg`` is the text of the type, then the text of every type that it uses, each after a
line of ``=`` and a line ``MSG: package/Name``. Bags and ``rosapi`` carry types like this.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from turret_common.messages.cdr import CodecError
from turret_common.messages.schema import (
    PRIMITIVES,
    Array,
    Field,
    FieldType,
    Primitive,
    Sequence,
    Struct,
    Text,
    type_text,
    used_types,
)

_RULE = '=' * 80
_SEPARATOR = re.compile(r'^={40,}$', re.MULTILINE)
_NAME = re.compile(r'[A-Za-z]\w*/(?:msg/)?[A-Za-z]\w*')
#: A field; lines of constants do not match.
_FIELD = re.compile(
    r'(?P<base>[A-Za-z]\w*(?:/(?:msg/)?[A-Za-z]\w*)?)(?:<=(?P<length>\d+))?'
    r'(?P<array>\[(?P<limit><=)?(?P<size>\d*)\])?\s+(?P<name>[A-Za-z]\w*)(?!\w*\s*=)(?:\s.*)?')
_MAX_DEPTH = 20


def definition(type_name: str) -> str:
    """Return the definition of an installed type; empty where its file, or that of a part, is not installed.

    Args:
        type_name: like ``std_msgs/msg/Header``.
    """
    if not _NAME.fullmatch(type_name):
        return ''
    pending = [_short(type_name)]
    seen: set[str] = set()
    parts: list[str] = []
    while pending:
        name = pending.pop(0)
        if name in seen:
            continue
        seen.add(name)
        text = _text(name)
        if text is None:
            return ''
        parts.append(text if not parts else f'{_RULE}\nMSG: {name}\n{text}')
        package = name.partition('/')[0]
        pending += [_full(match['base'], package) for match in _fields(text) if not _is_primitive(match['base'])]
    return '\n'.join(parts)


def type_hash(type_name: str) -> str:
    """Return the hash of an installed type, like ``RIHS01_...``; empty where it is not installed.

    The generators of ROS put it into a file beside the ``.msg`` file (REP 2016).
    """
    if not _NAME.fullmatch(type_name):
        return ''
    package, _, base = _short(type_name).partition('/')
    for path in _installed(f'{package}/msg/{base}.json'):
        for entry in json.loads(path.read_text())['type_hashes']:
            if entry['type_name'] == type_name:
                return str(entry['hash_string'])
    return ''


def parse(text: str, type_name: str) -> Struct:
    """Return the schema of a type from its definition. Its fields have no defaults.

    Args:
        text: the definition.
        type_name: like ``std_msgs/msg/Header``.

    Raises:
        CodecError: a type that it uses is missing, or it contains itself.
    """
    main, *others = _SEPARATOR.split(text)
    texts = {_short(type_name): main}
    for part in others:
        head, _, body = part.strip().partition('\n')
        texts[_short(head.removeprefix('MSG:').strip())] = body
    return _struct(_short(type_name), texts, 0)


def full_text(kind: Struct) -> str:
    """Return the definition of a type from its schema."""
    parts = [_fields_text(kind)]
    parts += [f'MSG: {_short(inner.name)}\n{_fields_text(inner)}' for inner in used_types(kind) if inner is not kind]
    return f'{_RULE}\n'.join(parts)


def _fields_text(kind: Struct) -> str:
    constants = [f'{type_text(type_)} {name}={value}\n' for name, type_, value in kind.constants]
    return ''.join(constants + [
        f'{type_text(field.type).replace("/msg/", "/")} {field.name}\n' for field in kind.fields])


def _fields(text: str) -> Iterator[re.Match[str]]:
    """Give the fields of one ``.msg`` file."""
    for line in text.splitlines():
        match = _FIELD.fullmatch(line.partition('#')[0].strip())
        if match:
            yield match


def _struct(name: str, texts: Mapping[str, str], depth: int) -> Struct:
    if name not in texts or depth > _MAX_DEPTH:
        raise CodecError(f'the definition of {name[:100]} is missing or contains itself')
    package, _, base = name.partition('/')
    fields = (Field(match['name'], _type(match, package, texts, depth), None) for match in _fields(texts[name]))
    return Struct(f'{package}/msg/{base}', tuple(fields))


def _type(match: re.Match[str], package: str, texts: Mapping[str, str], depth: int) -> FieldType:
    base, size = match['base'], match['size']
    kind: FieldType
    if base in ('string', 'wstring'):
        kind = Text(int(match['length']) if match['length'] else None, base == 'wstring')
    elif _is_primitive(base):
        kind = Primitive('octet' if base == 'byte' else base)
    else:
        kind = _struct(_full(base, package), texts, depth + 1)
    if match['array'] is None:
        return kind
    return Array(kind, int(size)) if size and not match['limit'] else Sequence(kind, int(size) if size else None)


def _is_primitive(base: str) -> bool:
    return base in PRIMITIVES or base in ('byte', 'string', 'wstring')


def _full(base: str, package: str) -> str:
    """Return ``package/Name`` of a type as a field of a type in a package calls it."""
    if base == 'Header':
        return 'std_msgs/Header'
    return _short(base) if '/' in base else f'{package}/{base}'


def _short(type_name: str) -> str:
    """Return ``package/Name``."""
    parts = type_name.split('/')
    return f'{parts[0]}/{parts[-1]}'


@functools.lru_cache(maxsize=1000)
def _text(name: str) -> str | None:
    package, _, base = name.partition('/')
    return next((path.read_text() for path in _installed(f'{package}/msg/{base}.msg')), None)


def _installed(name: str) -> Iterator[Path]:
    """Give the files of a name under ``share`` of every prefix, of a distribution or of this Python."""
    for prefix in [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]:
        path = Path(prefix, 'share', name)
        if prefix and path.is_file():
            yield path
