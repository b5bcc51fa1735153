# SPDX-License-Identifier: Apache-2.0
"""JSON with and without orjson."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from turret_common import fast_json


@pytest.fixture(params=['orjson', 'standard library'])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    if request.param == 'orjson':
        pytest.importorskip('orjson')
    else:
        monkeypatch.setitem(sys.modules, 'orjson', None)
    yield importlib.reload(fast_json)
    monkeypatch.undo()
    importlib.reload(fast_json)


def test_pairs_of_surrogates_and_large_numbers_are_read(codec: ModuleType) -> None:
    assert [type(codec.loads(text)) for text in (b'18446744073709551615', b'18446744073709551616')] == [int, float]
    assert codec.loads(b'["\\ud83d\\ude00", 1e300, 1e-999, "e999"]') == ['\U0001f600', 1e300, 0.0, 'e999']


@pytest.mark.parametrize('value', [
    {'a': [1, 2.5, None, True, 'é"\\\n']}, [], 'x', 0.1, -(2**53), {'': {}}, [[[]]]])
def test_values_survive_and_are_written_compactly(codec: ModuleType, value: Any) -> None:
    data = codec.dumps(value)
    assert isinstance(data, bytes)
    assert codec.loads(data) == value
    assert codec.loads(data.decode()) == value
    assert b': ' not in data


def test_numbers_that_are_not_finite_become_null(codec: ModuleType) -> None:
    assert codec.dumps({'a': [math.nan, {'b': math.inf}], 'c': -math.inf}) == b'{"a":[null,{"b":null}],"c":null}'


@pytest.mark.parametrize('data', [
    b'', b'{', b'NaN', b'[Infinity]', b'\xff', b'{"a":1}x', b'[' * 100_000, '{"a":1}'.encode('utf-16'),
    b'1e999', b'[-1E+400]', b'1' * 400 + b'.0', b'[1' + b'0' * 400 + b']',
    b'"\\ud800"', b'{"\\uDC00":1}', b'["\\udc00\\ud800"]'])
def test_anything_else_is_refused(codec: ModuleType, data: bytes) -> None:
    with pytest.raises(codec.JSONDecodeError):
        codec.loads(data)
