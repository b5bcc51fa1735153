# SPDX-License-Identifier: Apache-2.0
"""The simulated hardware behaves like hardware: late, worn, and true only to itself."""

from __future__ import annotations

import math

import pytest

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, angle_between
from turret_common.reason_codes import ReasonCode
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant_parameters import PlantAxis, PlantParameters

MS = 1_000_000
NAN = math.nan


def make(hidden: Hidden | None = None, **parameters: object) -> Plant:
    return Plant(PlantParameters(**parameters), 0, hidden or Hidden())  # type: ignore[arg-type]


def enabled(hidden: Hidden | None = None, **parameters: object) -> Plant:
    plant = make(hidden, **parameters)
    plant.enable(True)
    return plant


def test_it_starts_without_power_and_with_low_pins() -> None:
    plant = make()
    assert not plant.read().enabled
    assert {name: pin.level for name, pin in plant.pins.items()} == {'laser': 0.0, 'indicator': 0.0}


def test_without_power_it_does_not_move_nor_later_because_of_what_was_ordered_then() -> None:
    plant = make()
    before = plant.read().pan
    plant.command('velocity', pan_rate=1.0)
    plant.step(100 * MS)
    plant.enable(True)
    plant.step(300 * MS)
    assert plant.read().pan == before


def test_the_counter_starts_anywhere() -> None:
    counts = {round(make(hidden_seed=seed).read().pan.position - 0.07, 6) for seed in range(5)}
    assert len(counts) == 5


def test_a_command_acts_after_the_delay() -> None:
    plant = enabled(Hidden(delay_s=0.01), actuation_delay_s=0.03)
    begin = plant.read().pan.position
    plant.command('velocity', pan_rate=1.0)
    plant.step(39 * MS)
    assert plant.read().pan.position == begin
    plant.step(45 * MS)
    assert plant.read().pan.position > begin


def test_velocity_position_and_stop() -> None:
    plant = enabled()
    begin = plant.read()
    plant.command('velocity', pan_rate=0.5, tilt_rate=-0.25)
    plant.step(500 * MS)
    assert (plant.read().pan.rate, plant.read().tilt.rate) == (pytest.approx(0.5), pytest.approx(-0.25))
    plant.command('stop')
    plant.step(800 * MS)
    assert plant.read().pan.rate == 0.0
    plant.command('position', begin.pan.position, begin.tilt.position, 1.0, 1.0)
    plant.step(2000 * MS)
    assert plant.read().pan.position == pytest.approx(begin.pan.position, abs=1e-9)
    assert plant.truth().pan == pytest.approx(0.07, abs=1e-4)


def test_a_motion_is_no_faster_and_no_harder_than_asked() -> None:
    plant = enabled(actuation_delay_s=0.0)
    plant.command('velocity', pan_rate=100.0, pan_acceleration=5.0)
    plant.step(100 * MS)
    assert plant.read().pan.rate == pytest.approx(0.5, rel=0.02)
    plant.step(1000 * MS)
    assert plant.read().pan.rate <= plant.config.pan.max_velocity


@pytest.mark.parametrize('fields', [
    {'mode': 'velocity', 'pan_rate': NAN}, {'mode': 'position', 'tilt': math.inf}, {'mode': 'jump'},
    {'mode': 'velocity', 'pan_rate': 1.0, 'pan_acceleration': 0.0}])
def test_bad_commands_change_nothing(fields: dict[str, object]) -> None:
    plant = enabled()
    before = plant.read()
    with pytest.raises(TurretError):
        plant.command(**fields)  # type: ignore[arg-type]
    plant.step(100 * MS)
    assert plant.read()[1:] == before[1:]


def test_switching_off_stops_the_motor_and_drops_pending_commands() -> None:
    plant = enabled()
    plant.command('velocity', pan_rate=2.0)
    plant.step(300 * MS)
    plant.command('velocity', pan_rate=-2.0)
    plant.enable(False)
    at = plant.read().pan.position
    plant.enable(True)
    plant.step(600 * MS)
    assert plant.read().pan.position == at


def test_switches_close_at_the_ends_and_steps_are_lost_at_the_stop() -> None:
    plant = enabled(pan=PlantAxis(lower_switch=-0.5, upper_switch=0.3, overtravel=0.05, start=0.0))
    zero = plant.read().pan.position
    plant.command('velocity', pan_rate=1.0)
    plant.step(600 * MS)
    reading, truth = plant.read(), plant.truth()
    assert (reading.pan.lower, reading.pan.upper, reading.pan.home) == (False, True, True)
    assert truth.pan == pytest.approx(0.35, abs=1e-6)
    assert reading.pan.position - zero > 0.5
    plant.command('velocity', pan_rate=-1.0)
    plant.step(2000 * MS)
    assert plant.read().pan.lower
    assert not plant.read().pan.home


def test_the_home_flag_closes_at_true_zero() -> None:
    plant = enabled(actuation_delay_s=0.0, pan=PlantAxis(start=-0.05, lag_s=0.0))
    plant.command('velocity', pan_rate=0.1)
    while not plant.read().pan.home:
        plant.step(plant.t_ns + MS)
    assert plant.truth().pan == pytest.approx(0.0, abs=2e-4)


def test_backlash_and_lag_keep_the_head_behind_the_counter() -> None:
    plant = enabled(Hidden(backlash=0.02), actuation_delay_s=0.0)
    zero = plant.read().pan.position - plant.truth().pan
    for rate, sign in ((0.5, 1.0), (-0.5, -1.0)):
        plant.command('velocity', pan_rate=rate)
        plant.step(plant.t_ns + 200 * MS)
        behind = plant.read().pan.position - zero - plant.truth().pan
        assert sign * behind == pytest.approx(0.01 + 0.5 * 0.004, abs=3e-4)


def test_a_push_moves_the_head_but_not_the_counter() -> None:
    plant = make()
    counted, truth = plant.read().pan.position, plant.truth().pan
    plant.push(0.2, 0.0)
    plant.step(100 * MS)
    assert plant.read().pan.position == counted
    assert plant.truth().pan == pytest.approx(truth + 0.2)


def test_hardware_as_configured_looks_along_pan_and_tilt() -> None:
    plant = make(pan=PlantAxis(start=0.4), tilt=PlantAxis(lower_switch=-0.8, upper_switch=1.0, start=0.3))
    scene = plant.scene(0)
    assert (scene['pan'], scene['tilt']) == (pytest.approx(0.4), pytest.approx(0.3))
    assert scene['camera'] == {'horizontal_fov': 1.047, 'distortion': (0.0,) * 5, 'roll': pytest.approx(0.0)}
    assert (scene['laser']['azimuth'], scene['laser']['elevation']) == (pytest.approx(0.4), pytest.approx(0.3))


def test_a_leaning_pan_axis_turns_into_tilt_and_roll() -> None:
    forward = make(Hidden(lean=(0.0, 0.02)), pan=PlantAxis(start=0.0), tilt=PlantAxis(start=0.0)).truth()
    assert (forward.tilt, forward.roll) == (pytest.approx(-0.02), pytest.approx(0.0))
    left = make(Hidden(lean=(0.0, 0.02)), pan=PlantAxis(start=math.pi / 2.0, upper_switch=2.0),
                tilt=PlantAxis(start=0.0)).truth()
    assert (left.tilt, left.roll) == (pytest.approx(0.0, abs=1e-9), pytest.approx(0.02))  # its left side is up
    aside = make(Hidden(lean=(0.03, 0.0)), pan=PlantAxis(start=0.0), tilt=PlantAxis(start=0.0)).truth()
    assert (aside.tilt, aside.roll) == (pytest.approx(0.0), pytest.approx(0.03))


def test_the_beam_is_off_by_its_hidden_angle_whatever_the_pose() -> None:
    for tilt in (-0.5, 0.0, 0.7):
        truth = make(Hidden(beam=(0.01, -0.02)), tilt=PlantAxis(start=tilt)).truth()
        off = angle_between(Bearing(truth.pan, truth.tilt), Bearing(truth.beam_azimuth, truth.beam_elevation))
        assert off == pytest.approx(math.hypot(0.01, 0.02), rel=1e-3)


def test_hidden_differences_come_from_the_seed_and_scale() -> None:
    assert Hidden.seeded(3, 1.0) == Hidden.seeded(3, 1.0) != Hidden.seeded(4, 1.0)
    assert Hidden.seeded(3, 0.0) == Hidden()
    assert all(abs(Hidden.seeded(seed, 1.0).delay_s) <= 0.020 for seed in range(50))


def test_the_past_can_be_seen_for_a_second_and_the_future_for_50_ms() -> None:
    plant = enabled(actuation_delay_s=0.0)
    plant.command('velocity', pan_rate=0.5)
    plant.step(1500 * MS)
    now = plant.truth().pan
    assert plant.truth(1000 * MS).pan == pytest.approx(now - 0.25, abs=1e-3)
    assert plant.truth(1540 * MS).pan == pytest.approx(now + 0.02, abs=1e-3)
    for t_ms in (200, 1560):
        with pytest.raises(TurretError) as refusal:
            plant.scene(t_ms * MS)
        assert refusal.value.code is ReasonCode.OUT_OF_RANGE


def test_a_pin_keeps_its_level_and_remembers_its_edges() -> None:
    plant = make()
    plant.set_pin('laser', 0.4, 10 * MS)
    plant.set_pin('laser', 0.6, 20 * MS)
    plant.set_pin('laser', 0.0, 30 * MS)
    plant.set_pin('laser', 0.0, 40 * MS)
    pin = plant.pins['laser']
    assert (pin.level, pin.since_ns, pin.edges, pin.last_on_ns, pin.last_off_ns) == (0.0, 30 * MS, 2, 10 * MS, 30 * MS)
    plant.step(100 * MS)
    assert [plant.scene(t * MS)['laser']['power'] for t in (5, 15, 25, 35)] == [0.0, 0.4, 0.6, 0.0]
    assert plant.scene(15 * MS)['laser']['on']


@pytest.mark.parametrize('level', [NAN, -0.1, 1.1])
def test_a_level_that_makes_no_sense_is_refused(level: float) -> None:
    plant = make()
    plant.set_pin('laser', 0.5, 0)
    with pytest.raises(TurretError):
        plant.set_pin('laser', level, 1)
    assert plant.pins['laser'].level == 0.5


def test_a_new_scenario_starts_from_its_beginning() -> None:
    plant = make(scenario='ramp_30')
    plant.step(3000 * MS)
    assert plant.truth().targets[0].azimuth > 0.5
    plant.set_scenario(PlantParameters(scenario='ramp_30'))
    assert plant.truth().targets[0].azimuth == pytest.approx(0.0, abs=1e-6)


def test_parameters_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match='lower_switch < start'):
        PlantParameters(pan=PlantAxis(start=3.0))
    with pytest.raises(TurretError):
        PlantParameters(scenario='nonsense')
