# SPDX-License-Identifier: Apache-2.0
"""The launch file of a replay starts the same nodes with the same guards; where ROS's launch is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from turret_common.errors import TurretError

launch = pytest.importorskip('launch', reason='launch comes with a ROS distribution only')
pytest.importorskip('launch_ros')

FILE = Path(__file__).parents[2] / 'turret_bringup' / 'launch' / 'replay.launch.py'
GOLDEN = Path(__file__).parents[1] / 'goldens' / 'crossing'


def nodes(**arguments: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location('replay_launch', FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    context = launch.LaunchContext()
    *declared, start = module.generate_launch_description().entities
    for argument in declared:
        default = ''.join(part.perform(context) for part in argument.default_value)
        context.launch_configurations[argument.name] = arguments.get(argument.name, default)
    return {
        action.node_executable: action for action in start.execute(context) if hasattr(action, 'node_executable')}


def test_it_starts_the_player_the_panel_and_what_runs_again() -> None:
    assert set(nodes(bag=str(GOLDEN))) == {'replay', 'web'}
    assert set(nodes(bag=str(GOLDEN), into='vision control', panel='false')) == {'replay', 'vision', 'controller'}


def test_it_refuses_the_domain_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', '42')
    with pytest.raises(TurretError):
        nodes(bag=str(GOLDEN), domain='42')


def test_every_node_is_in_the_domain_of_the_replay_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    for action in nodes(bag=str(GOLDEN), into='control').values():
        variables = {
            ''.join(part.perform(None) for part in name): ''.join(part.perform(None) for part in value)
            for name, value in action.process_description.env}
        assert variables['ROS_DOMAIN_ID'] not in ('', '0')
        assert variables['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
