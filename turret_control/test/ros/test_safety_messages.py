# SPDX-License-Identifier: Apache-2.0
"""The authentication codes of the safety node's state and of requests to fire."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from turret_control.safety.ros_messages import request_valid, sign_request, sign_state, state_authentic, state_valid
from turret_msgs import msg

KEY, OTHER_KEY = b'k' * 32, b'o' * 32
NOW_NS = 10_000_000_000


def state() -> msg.SafetyState:
    return sign_state(msg.SafetyState(
        monotonic_ns=NOW_NS, motion_ok=True, reasons=[100], operator_name='Ada', heartbeat_age_s=0.1,
        zones=[msg.Zone(name='window', pan_min=0.1, pan_max=0.3, tilt_min=-0.1, tilt_max=0.2)]), KEY)


def test_a_state_counts_under_its_key_and_for_half_a_second() -> None:
    assert state_valid(state(), KEY, NOW_NS)
    assert state_valid(state(), KEY, NOW_NS + 499_000_000)
    assert not state_valid(state(), KEY, NOW_NS + 500_000_000)
    assert not state_valid(state(), KEY, NOW_NS - 1)
    assert not state_valid(state(), OTHER_KEY, NOW_NS)
    assert not state_authentic(state(), OTHER_KEY)
    assert not state_authentic(msg.SafetyState(), KEY)


@pytest.mark.parametrize('change', [
    {'laser_ok': True}, {'motion_ok': False}, {'reasons': [101]}, {'reasons': []}, {'software_stop': True},
    {'estop': 3}, {'operator_name': 'Bob'}, {'trigger': True}, {'auto_fire': True}, {'zones': []},
    {'region_confirmed': True}, {'exclusion': 2}, {'message': 'other'}, {'monotonic_ns': NOW_NS + 1}, {'mac': ''},
    {'mac': 'é'}])
def test_everything_that_decides_is_covered(change: dict[str, Any]) -> None:
    forged = copy.deepcopy(state())
    for field, value in change.items():
        setattr(forged, field, value)
    assert not state_authentic(forged, KEY)


@pytest.mark.parametrize('field', ['kind', 'pan_min', 'pan_max', 'tilt_min', 'tilt_max'])
def test_every_edge_of_a_zone_is_covered(field: str) -> None:
    forged = copy.deepcopy(state())
    setattr(forged.zones[0], field, 1 if field == 'kind' else 1.0)
    assert not state_authentic(forged, KEY)


def test_a_request_is_covered_as_it_is_transmitted() -> None:
    request = msg.FireRequest(seq=3, track_id='t1', aim_error=0.1)
    request.header.stamp.sec = 5
    assert sign_request(request, KEY) is request
    received = copy.deepcopy(request)
    received.aim_error = 0.10000000149011612  # the nearest 32-bit number
    assert request_valid(received, KEY)
    assert not request_valid(received, OTHER_KEY)
    for field, value in {'seq': 4, 'track_id': 't2', 'aim_error': 0.0}.items():
        forged = copy.deepcopy(received)
        setattr(forged, field, value)
        assert not request_valid(forged, KEY)
    received.header.stamp.nanosec = 1
    assert not request_valid(received, KEY)
