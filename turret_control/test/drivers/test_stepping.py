# SPDX-License-Identifier: Apache-2.0
"""Steps come when the motion asks for them; switches count once they have stopped bouncing."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_control.devices.motion_profile import AxisMotion, stand_still
from turret_control.drivers.driver import Switch
from turret_control.drivers.stepping import Debouncer, StepPlanner

ANGLE = 2.0 * math.pi / 3200
DT = 0.001


def run(planner: StepPlanner, motion: AxisMotion, seconds: float) -> list[float]:
    """Make the planned steps; return when each was due, negative for a step back."""
    times = []
    for i in range(round(seconds / DT)):
        for event in planner.plan(motion, DT):
            times.append(math.copysign(i * DT + event.offset_s, event.direction))
            planner.made(event)
    return times


def test_a_steady_motion_gives_evenly_spaced_steps() -> None:
    planner = StepPlanner(ANGLE)
    run(planner, AxisMotion(10.0, 1.0, 20.0), 0.2)
    times = run(planner, AxisMotion(10.0, 1.0, 20.0), 0.5)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert len(times) == pytest.approx(0.5 / ANGLE, abs=1)
    assert min(gaps) == pytest.approx(ANGLE, rel=1e-3)
    assert max(gaps) == pytest.approx(ANGLE, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.0, 3.0)), min_size=1, max_size=4))
def test_the_count_is_never_more_than_half_a_step_off(motions: list[tuple[float, float]]) -> None:
    planner = StepPlanner(ANGLE)
    for target, speed in motions:
        times = run(planner, AxisMotion(target, speed, 30.0), 0.1)
        assert [abs(t) for t in times] == sorted(abs(t) for t in times)
        profile = planner._profile  # noqa: SLF001  the motion that the steps must follow
        assert planner.count * ANGLE == pytest.approx(profile.position, abs=0.51 * ANGLE)


def test_it_arrives_at_the_nearest_step() -> None:
    planner = StepPlanner(ANGLE)
    run(planner, AxisMotion(-0.3, 1.0, 20.0), 1.0)
    assert planner.count == round(-0.3 / ANGLE)
    assert planner.velocity == pytest.approx(0.0, abs=1e-9)


def test_halting_forgets_what_was_only_planned() -> None:
    planner = StepPlanner(ANGLE)
    run(planner, AxisMotion(1.0, 1.0, 20.0), 0.2)
    made = planner.count
    planner.plan(AxisMotion(1.0, 1.0, 20.0), 0.1)
    planner.halt()
    assert (planner.count, planner.velocity, planner.position) == (made, 0.0, made * ANGLE)
    assert run(planner, stand_still(20.0), 0.1) == []


def feed(debouncer: Debouncer, *readings: tuple[float, bool | None]) -> Switch:
    for now, pressed in readings:
        state = debouncer.update(pressed, now)
    return state


def test_a_bounce_changes_nothing() -> None:
    debouncer = Debouncer(0.003)
    assert feed(debouncer, (0.0, False)) is Switch.OPEN
    assert feed(debouncer, (1.000, True), (1.001, False), (1.002, True), (1.003, False)) is Switch.OPEN
    assert feed(debouncer, (2.000, True), (2.002, True)) is Switch.OPEN
    assert feed(debouncer, (2.003, True)) is Switch.PRESSED
    assert feed(debouncer, (3.000, False), (3.001, True), (3.002, False), (3.004, False)) is Switch.PRESSED
    assert feed(debouncer, (3.005, False)) is Switch.OPEN


def test_a_failed_reading_counts_at_once() -> None:
    debouncer = Debouncer(0.003)
    assert debouncer.state is Switch.UNREADABLE
    feed(debouncer, (0.0, False))
    assert feed(debouncer, (1.0, None)) is Switch.UNREADABLE
    assert feed(debouncer, (1.001, False)) is Switch.OPEN
