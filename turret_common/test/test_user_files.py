# SPDX-License-Identifier: Apache-2.0
"""Files from users are read within bounds, and refused in words."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.user_files import parse_yaml, read_text


def test_a_text_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / 'text'
    path.write_bytes('\ufeffé: 1\r\n'.encode())
    assert read_text(path) == 'é: 1\r\n'


def refusal(path: Path) -> tuple[ReasonCode, str]:
    with pytest.raises(TurretError) as refused:
        read_text(path)
    return refused.value.code, refused.value.message


def test_what_is_no_text_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    path = tmp_path / 'file'
    assert refusal(path) == (ReasonCode.NOT_FOUND, 'No such file or directory')
    assert refusal(tmp_path) == (ReasonCode.IO_ERROR, 'Is a directory')
    os.mkfifo(path)
    assert refusal(path) == (ReasonCode.INVALID_ARGUMENT, 'not a regular file')
    assert refusal(Path('/dev/zero')) == (ReasonCode.INVALID_ARGUMENT, 'not a regular file')
    assert refusal(Path('a\0b')) == (ReasonCode.INVALID_ARGUMENT, 'not the name of a file')
    path.unlink()
    path.write_bytes('é'.encode('utf-16'))
    assert refusal(path) == (ReasonCode.INVALID_ARGUMENT, 'not a text file in UTF-8')
    path.write_bytes(b'a' * 1_000_001)
    assert refusal(path) == (ReasonCode.TOO_LARGE, 'larger than 1 MB')


@pytest.mark.parametrize(('text', 'value'), [
    ('a: {b: [1, .5, x]}', {'a': {'b': [1, 0.5, 'x']}}), ('', None), ('1: a\n2: a', {1: 'a', 2: 'a'})])
def test_yaml_is_parsed(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(('text', 'reason'), [
    ('a: 1\nb: {c: 1, c: 2}', 'no valid YAML in line 2: "c" is there twice'),
    ('gimbal: 1\nlaser: 2\ngimbal: 3', 'no valid YAML in line 3: "gimbal" is there twice'),
    ('a: &x {b: 1}\nc: *x', 'no valid YAML in line 2: the alias "*x" is not supported'),
    ('a:\n{', 'no valid YAML in line 2: '),
    ('[' * 100_000, 'no valid YAML in line 1: '), ('- ' * 100_000, 'no valid YAML in line 1: more than 100'),
    ('a:\n- ' + '{b: ' * 100 + '1' + '}' * 100, 'no valid YAML in line 2: more than 100'),
    ('? [a]\n: 1', 'no valid YAML in line 1: found unhashable key'),
    ('a: 2020-13-45', 'no valid YAML: month must be'), ('9' * 5000, 'no valid YAML: '),
    ('!!timestamp x', 'no valid YAML: a value does not fit its tag'),
    ('!!python/object/apply:os.abort []', 'no valid YAML in line 1: could not determine a constructor'),
    ('\0', 'no valid YAML: '), ('\ud800', 'no valid YAML: '), ('a: 1\n---\nb: 1', 'no valid YAML in line 2: '),
])
def test_what_is_no_yaml_is_refused_with_the_line(text: str, reason: str) -> None:
    with pytest.raises(TurretError, match=re.escape(reason)) as refused:
        parse_yaml(text)
    assert refused.value.code is ReasonCode.INVALID_ARGUMENT
    assert '\n' not in refused.value.message
