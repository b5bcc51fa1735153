# SPDX-License-Identifier: Apache-2.0
"""What perception and control make of the golden bags: any change of a constant of theirs must show here.

A change that is meant is written down with ``tools/goldens.py refresh``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turret_bringup.bags.reader import Bag
from turret_bringup.replay import settings as replay_settings
from turret_bringup.rerun import history
from turret_bringup.rerun.history import History
from turret_bringup.rerun.ros_rerun import Settings, rerun
from turret_control.aiming import aiming, predictor
from turret_vision.tracking import bearing_filter, measurement_noise, tracker

GOLDENS = Path(__file__).parents[1] / 'goldens'
NAMES = sorted(path.stem for path in GOLDENS.glob('*.jsonl'))


#: Constants of the tracker, its filter and the predictor of the aim, and other values for them.
CONSTANTS = (
    (tracker, '_SIZE_MEMORY_S', 0.11), (tracker, '_COAST_PER_WATCHED', 1.5), (tracker, '_PART_NOISE', 0.26),
    (tracker, '_EDGE_PX', 30.0), (tracker, '_SIZE_DEVIATION', 0.15), (bearing_filter, '_SWITCH_S', 1.7),
    (bearing_filter, '_MEMORY_S', 0.51), (bearing_filter, '_STILL_NOISE', 2e-7), (measurement_noise, '_PRIOR', 11.0),
    (measurement_noise, '_MEMORY', 31.0), (predictor, '_RATE_NOISE', 2.1e-5), (aiming, '_CLOSING_SHARE', 0.7),
    (predictor, '_START_RATE_VARIANCE', 0.51))


def settings(name: str) -> Settings:
    parameters, _ = replay_settings.compose({}, (GOLDENS / f'{name}.set').read_text().split())
    return Settings(parameters['vision'], parameters['controller'])


def run(name: str, change: Callable[[Settings], Settings] = lambda given: given) -> History:
    with Bag(GOLDENS / name) as bag:
        return rerun(bag, change(settings(name))).again


def deviations(name: str, change: Callable[[Settings], Settings] = lambda given: given) -> list[str]:
    return history.deviations(history.load(GOLDENS / f'{name}.jsonl'), run(name, change))


def test_the_goldens_are_small_and_of_both_kinds() -> None:
    assert NAMES == ['cars', 'crossing']
    assert sum(path.stat().st_size for path in GOLDENS.rglob('*')) < 500_000


@pytest.mark.parametrize('name', NAMES)
def test_perception_and_control_do_what_is_written_down(name: str) -> None:
    found = deviations(name)
    assert not found, '\n'.join(found[:5])


@pytest.mark.parametrize('name', NAMES)
def test_the_same_bag_gives_the_same_to_the_bit(name: str) -> None:
    assert run(name).digest() == run(name).digest()


def with_tracker(**changes: Any) -> Callable[[Settings], Settings]:
    def change(given: Settings) -> Settings:
        parameters = dataclasses.replace(given.vision.tracker, **changes)
        return dataclasses.replace(given, vision=dataclasses.replace(given.vision, tracker=parameters))
    return change


@pytest.mark.parametrize('changes', [
    {'confirm_hits': 4}, {'coast_s': 1.4}, {'steady_noise': 0.0051}, {'maneuver': 4.1}, {'initial_rate': 0.71},
    {'pixel_noise': 1.01}, {'size_noise': 0.021}], ids=str)
def test_a_changed_default_of_the_tracker_shows(changes: dict[str, Any]) -> None:
    assert any(deviations(name, with_tracker(**changes)) for name in NAMES)


@pytest.mark.parametrize(('module', 'name', 'value'), CONSTANTS, ids=lambda value: str(value).rpartition('.')[2])
def test_a_changed_constant_shows(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: float) -> None:
    assert getattr(module, name) != value
    monkeypatch.setattr(module, name, value)
    assert any(deviations(golden) for golden in NAMES)
