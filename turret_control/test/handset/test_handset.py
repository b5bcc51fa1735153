# SPDX-License-Identifier: Apache-2.0
"""What the handset sends, and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.params import build
from turret_control.handset.handset import Deflection, HandsetParameters, parse


@pytest.mark.parametrize(('text', 'deflection'), [
    ('0,0,False,False,0.0', (0.0, 0.0)), ('100,-100,True,true,100', (1.0, -1.0)),
    (' 55 , 9 ,FALSE,false, 75.5', (0.5, 0.0)), ('-10,10,false,false,0', (0.0, 0.0))])
def test_a_message_is_a_deflection_beyond_the_dead_zone(text: str, deflection: tuple[float, float]) -> None:
    assert parse(text) == pytest.approx(deflection)
    assert parse(text).centered == (deflection == (0.0, 0.0))


@pytest.mark.parametrize('text', [
    '', '1,2,true,false', '1,2,true,false,3,4', 'x,2,true,false,3', '1,2,yes,false,3', 'nan,0,false,false,0',
    'inf,0,false,false,0', '101,0,false,false,0', '0,-101,false,false,0', '0,0,false,false,101', '0,0,false,false,-1'])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(TurretError):
        parse(text)


@given(st.text(max_size=300))
def test_any_text_is_a_deflection_or_refused(text: str) -> None:
    try:
        deflection: Deflection = parse(text)
    except TurretError:
        return
    assert all(-1.0 <= value <= 1.0 for value in deflection)


def test_a_broker_without_credentials_is_refused() -> None:
    with pytest.raises(TurretError):
        build(HandsetParameters, {'enabled': True, 'user': 'me'})
