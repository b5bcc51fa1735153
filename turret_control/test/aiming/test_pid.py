# SPDX-License-Identifier: Apache-2.0
"""The PID against simple-pid, and what it does at its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simple_pid import PID

from turret_control.aiming.pid import Pid, PidGains

values = st.floats(-10.0, 10.0)


@given(st.floats(0.0, 20.0), st.floats(0.0, 5.0), st.floats(0.0, 1.0),
       st.lists(st.tuples(values, st.floats(0.001, 0.1)), min_size=1, max_size=30))
def test_it_computes_what_simple_pid_does(
        kp: float, ki: float, kd: float, inputs: list[tuple[float, float]]) -> None:
    ours = Pid(PidGains(kp, ki, kd))
    reference = PID(kp, ki, kd, setpoint=1.5, sample_time=None, differential_on_measurement=True)
    for measurement, dt in inputs:
        assert ours.step(1.5 - measurement, measurement, dt) == pytest.approx(reference(measurement, dt=dt), abs=1e-6)


def test_a_step_of_the_set_point_does_not_kick() -> None:
    pid = Pid(PidGains(0.0, 0.0, 1.0))
    pid.step(0.0, 2.0, 0.01)
    assert pid.step(100.0, 2.0, 0.01) == 0.0


def test_the_integral_does_not_wind_up_at_the_limit() -> None:
    pid = Pid(PidGains(1.0, 10.0, 0.0))
    for _ in range(1000):
        pid.step(5.0, 0.0, 0.01, limit=1.0)
    assert pid.step(-0.1, 0.0, 0.01, limit=1.0) < 0.0


def test_a_change_of_gains_does_not_bump_the_integral() -> None:
    pid = Pid(PidGains(0.0, 2.0, 0.0))
    before = pid.step(1.0, 0.0, 0.5)
    pid.gains = PidGains(0.0, 20.0, 0.0)
    assert pid.step(0.0, 0.0, 0.5) == before


@given(values, values, st.floats(0.001, 0.1), values, st.floats(0.01, 5.0))
def test_the_output_keeps_its_limit(
        error: float, measurement: float, dt: float, feedforward: float, limit: float) -> None:
    pid = Pid(PidGains(20.0, 5.0, 0.5))
    assert abs(pid.step(error, measurement, dt, feedforward=feedforward, limit=limit)) <= limit
