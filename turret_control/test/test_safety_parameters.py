# SPDX-License-Identifier: Apache-2.0
"""The limits of the safety node's parameters, restated: no file can move a guard beyond them."""

from __future__ import annotations

import math

import pytest

from turret_common.params import specs
from turret_control.safety_parameters import SafetyParameters

LIMITS = {
    'estop_pin': (0, 27), 'driver_timeout_s': (0.2, 1.0), 'pose_timeout_s': (0.02, 0.5),
    'vision_timeout_s': (0.05, 0.5),
    'zone_margin': (math.radians(0.5), math.radians(30.0)), 'reaction_s': (0.1, 1.0),
    'aim_error_max': (math.radians(0.01), math.radians(2.0)), 'auto_fire_timeout_s': (5.0, 600.0),
    'exclusion_margin': (math.radians(3.0), math.radians(90.0)),
    'floor_tilt_max': (math.radians(-90.0), math.radians(-5.0)),
}
DEFAULTS = {
    'estop_driver': 'sim', 'estop_pin': 17, 'driver_timeout_s': 0.5, 'pose_timeout_s': 0.15, 'vision_timeout_s': 0.25,
    'zone_margin': math.radians(2.0), 'reaction_s': 0.15, 'aim_error_max': math.radians(0.5),
    'auto_fire_timeout_s': 60.0,
    'exclusion': 'hardware', 'exclusion_margin': math.radians(10.0), 'floor_tilt_max': math.radians(-10.0),
    'confirm_region_in_simulation': False,
}


def test_every_default_is_as_designed() -> None:
    assert {name: spec.default for name, spec in specs(SafetyParameters).items()} == DEFAULTS


@pytest.mark.parametrize('name', LIMITS)
def test_every_number_has_its_limits(name: str) -> None:
    info = specs(SafetyParameters)[name].info
    assert (info.minimum, info.maximum) == LIMITS[name]


def test_nothing_changes_at_run_time_or_comes_from_a_saved_file() -> None:
    assert not any(spec.info.live or spec.info.saved for spec in specs(SafetyParameters).values())
