# SPDX-License-Identifier: Apache-2.0
"""Numbers from JSON become the declared type of a parameter; what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_web.rosbridge.parameters import convert_numbers, parameter_value


@pytest.mark.parametrize(('declared', 'written', 'converted'), [
    (3, {'type': 2, 'integer_value': 2}, {'type': 3, 'double_value': 2.0}),
    (3, {'type': 2, 'integer_value': 2.0}, {'type': 3, 'double_value': 2.0}),
    (3, {'type': 2.0, 'integer_value': 2}, {'type': 3, 'double_value': 2.0}),
    (2, {'type': 3, 'double_value': 2.0}, {'type': 2, 'integer_value': 2}),
    (2, {'type': 3, 'double_value': 1e3}, {'type': 2, 'integer_value': 1000}),
    (8, {'type': 7, 'integer_array_value': [1, 2]}, {'type': 8, 'double_array_value': [1.0, 2.0]}),
    (8, {'type': 7, 'integer_array_value': []}, {'type': 8, 'double_array_value': []}),
    (7, {'type': 8, 'double_array_value': [1.0]}, {'type': 7, 'integer_array_value': [1]}),
    (3, {'type': 3, 'double_value': 2}, {'type': 3, 'double_value': 2}),
    (4, {'type': 2, 'integer_value': 2}, {'type': 2, 'integer_value': 2}),  # the node refuses it
    (3, {'type': 0}, {'type': 0}),
    (3, {}, {}),
    (3, None, None)])
def test_numbers_are_converted_to_the_declared_type(declared: int, written: Any, converted: Any) -> None:
    changes = [{'name': 'x', 'value': written}]
    convert_numbers(changes, {'x': declared})
    assert changes == [{'name': 'x', 'value': converted}]


@pytest.mark.parametrize(('declared', 'written'), [
    (3, {'type': 99}), (3, {'type': -1}), (3, {'type': 2.5}), (3, {'type': '3'}), (3, {'type': None}),
    (3, {'type': [3]}), (3, {'type': 2, 'integer_value': '2'}), (3, {'type': 2, 'integer_value': True}),
    (3, {'type': 2, 'integer_value': None}), (3, {'type': 2, 'integer_value': 10**400}),
    (2, {'type': 3, 'double_value': 2.5}), (2, {'type': 3, 'double_value': None}),
    (8, {'type': 7, 'integer_array_value': [1, 'a']}), (8, {'type': 7, 'integer_array_value': 'ab'})])
def test_a_change_that_does_not_fit_is_refused(declared: int, written: Any) -> None:
    with pytest.raises(TurretError, match=r'not a type of parameters|the parameter takes'):
        convert_numbers([{'name': 'x', 'value': written}], {'x': declared})


@pytest.mark.parametrize(('value', 'declared'), [
    (10**400, 3), ('1', 2), (True, 2), (1, 1), ([1.5], 7), ([None], 8), (b'x', 5), (1, 5), (None, 4)])
def test_a_value_that_does_not_fit_is_refused(value: Any, declared: int) -> None:
    with pytest.raises(TurretError, match='the parameter takes'):
        parameter_value(value, declared)
