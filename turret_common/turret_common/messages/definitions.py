"""The texts of message types, put together as bags hold them, from the ``.msg`` files that are installed."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_RULE = '=' * 80
_NAME = re.compile(r'[A-Za-z]\w*/(?:msg/)?[A-Za-z]\w*')
_FIELD = re.compile(r'^\s*([A-Za-z]\w*(?:/[A-Za-z]\w*)?)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*', re.MULTILINE)
_PRIMITIVES = frozenset((
    'bool', 'byte', 'char', 'float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64',
    'uint64', 'string', 'wstring'))


def definition(type_name: str) -> str:
    """Return the text of a type in the form ``ros2msg``; empty where its file, or that of a part, is not installed.

    The ``.msg`` file comes first, then those of all types that it uses, each after a rule and a line ``MSG: name``.

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
        pending += [
            used if '/' in used else f'{package}/{used}' for used in _FIELD.findall(text) if used not in _PRIMITIVES]
    return '\n'.join(parts)


def type_hash(type_name: str) -> str:
    """Return the hash of a type as it is installed, like ``RIHS01_...``; empty = it is not.

    The generators of ROS leave it in a file beside the ``.msg`` file (REP 2016).
    """
    if not _NAME.fullmatch(type_name):
        return ''
    package, _, base = _short(type_name).partition('/')
    for path in _installed(f'{package}/msg/{base}.json'):
        for entry in json.loads(path.read_text())['type_hashes']:
            if entry['type_name'] == type_name:
                return str(entry['hash_string'])
    return ''


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
