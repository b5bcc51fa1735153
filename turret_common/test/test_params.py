# SPDX-License-Identifier: Apache-2.0
"""Parameter dataclasses: declaration, changes all or none, refusals with a reason."""

import dataclasses
import math
from typing import Any

import pytest

from turret_common import params
from turret_common.params import ParameterError, group, param
from turret_common.reason_codes import ReasonCode


@dataclasses.dataclass(frozen=True)
class Gains:
    kp: float = param(1.0, 'proportional gain', unit='1/s', minimum=0.0, maximum=10.0, live=True)


@dataclasses.dataclass(frozen=True)
class Example:
    rate_hz: float = param(30.0, 'frame rate', unit='Hz', minimum=1.0, maximum=120.0)
    count: int = param(3, 'how many', minimum=1, live=True)
    method: str = param('motion', 'detector', choices=('motion', 'haar'), live=True)
    classes: tuple[str, ...] = param((), 'only these', live=True)
    place: tuple[float, ...] = param((0.0, 1.0), 'where', elements=('x', 'y'))
    lower: float = param(0.0, 'lower end', live=True)
    upper: float = param(1.0, 'upper end', live=True)
    cap: float = param(0.2, 'maximum duty', minimum=0.0, maximum=0.2, saved=False, live=True)
    pan: Gains = group(Gains, kp=2.0)

    def __post_init__(self) -> None:
        if self.lower >= self.upper:
            raise ValueError('lower must be below upper')


def test_names_of_groups_are_joined_with_a_dot() -> None:
    assert list(params.specs(Example))[-1] == 'pan.kp'
    assert params.flatten(Example())['pan.kp'] == 2.0


def test_values_are_converted_only_where_nothing_is_lost() -> None:
    built = params.build(Example, {'rate_hz': 25, 'classes': ['cat', 'person'], 'pan.kp': 3})
    assert built.rate_hz == 25.0
    assert isinstance(built.rate_hz, float)
    assert built.classes == ('cat', 'person')
    assert built.pan.kp == 3.0
    assert params.build(Example, {'place': [2, 3]}).place == (2.0, 3.0)


@pytest.mark.parametrize(('name', 'value', 'code'), [
    ('rate', 25.0, ReasonCode.UNKNOWN_NAME),
    ('rate_hz', '25', ReasonCode.INVALID_ARGUMENT),
    ('rate_hz', True, ReasonCode.INVALID_ARGUMENT),
    ('rate_hz', math.nan, ReasonCode.NOT_FINITE),
    ('rate_hz', math.inf, ReasonCode.NOT_FINITE),
    ('rate_hz', 0.5, ReasonCode.OUT_OF_RANGE),
    ('rate_hz', 121.0, ReasonCode.OUT_OF_RANGE),
    ('count', 2.5, ReasonCode.INVALID_ARGUMENT),
    ('count', 0, ReasonCode.OUT_OF_RANGE),
    ('method', 'magic', ReasonCode.UNKNOWN_NAME),
    ('classes', 'cat', ReasonCode.INVALID_ARGUMENT),
    ('classes', [1], ReasonCode.INVALID_ARGUMENT),
    ('place', [], ReasonCode.INVALID_ARGUMENT),
    ('place', [1.0, 2.0, 3.0], ReasonCode.INVALID_ARGUMENT),
    ('pan.kp', 11.0, ReasonCode.OUT_OF_RANGE),
    ('lower', 2.0, ReasonCode.INVALID_ARGUMENT),
])
def test_bad_values_are_refused_with_a_reason(name: str, value: Any, code: ReasonCode) -> None:
    with pytest.raises(ParameterError) as caught:
        params.build(Example, {name: value})
    assert caught.value.code == code
    assert name in caught.value.message


def test_a_change_is_all_or_none() -> None:
    before = Example()
    with pytest.raises(ParameterError):
        params.replace(before, {'count': 5, 'pan.kp': -1.0})
    assert before == Example()
    assert params.replace(before, {'lower': 5.0, 'upper': 6.0}).lower == 5.0


def test_an_empty_list_of_strings_survives_yaml() -> None:
    spec = params.specs(Example)['classes']
    assert params.plain(()) == ['']
    assert params.check(spec, ['']) == ()


def test_only_live_values_that_may_be_saved_are_saved() -> None:
    saved = {name for name, spec in params.specs(Example).items() if spec.info.saved}
    assert saved == {'count', 'method', 'classes', 'lower', 'upper', 'pan.kp'}


def test_types_and_ranges_as_text() -> None:
    specs = params.specs(Example)
    assert [params.type_text(specs[n]) for n in ('rate_hz', 'count', 'method', 'classes')] == [
        'double', 'int', 'string', 'string[]']
    assert params.range_text(specs['rate_hz'].info) == '1 to 120 Hz'
    assert params.range_text(specs['count'].info) == 'at least 1'
    assert params.range_text(specs['method'].info) == 'motion, haar'
