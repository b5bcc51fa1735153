"""The launch file describes its arguments and starts the same graph; where ROS's launch is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from turret_bringup.graph import GRAPH

launch = pytest.importorskip('launch', reason='launch comes with a ROS distribution only')
pytest.importorskip('launch_ros')

FILE = Path(__file__).parents[2] / 'turret_bringup' / 'launch' / 'turret.launch.py'


def describe() -> Any:
    spec = importlib.util.spec_from_file_location('turret_launch', FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def nodes(**arguments: str) -> dict[str, Any]:
    context = launch.LaunchContext()
    *declared, start = describe().entities
    for argument in declared:
        default = ''.join(part.perform(context) for part in argument.default_value)
        context.launch_configurations[argument.name] = arguments.get(argument.name, default)
    return {
        action.node_executable: action for action in start.execute(context) if hasattr(action, 'node_executable')}


def test_every_argument_is_described() -> None:
    assert all(argument.description for argument in describe().entities[:-1])


def test_it_starts_the_graph() -> None:
    started = nodes()
    assert {name: action.node_package for name, action in started.items()} == {
        spec.name: spec.package for spec in GRAPH}


def test_wrong_parameters_are_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match='did you mean "driver"'):
        nodes(set='gimbal.drivr=sim')
