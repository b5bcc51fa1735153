# SPDX-License-Identifier: Apache-2.0
"""The launch files describe their arguments and start the same graph; where ROS's launch is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turret_bringup.settings.configuration import compose, effective_folder
from turret_bringup.settings.graph import VIEWERS
from turret_common.errors import TurretError

launch = pytest.importorskip('launch', reason='launch comes with a ROS distribution only')
pytest.importorskip('launch_ros')

FOLDER = Path(__file__).parents[2] / 'turret_bringup' / 'launch'
FILES = sorted(path.name for path in FOLDER.glob('*.launch.py'))
#: What the documents promise.
PROMISED = {
    'turret.launch.py': {
        'sim', 'params_file', 'namespace', 'camera', 'video_file', 'bridge', 'video', 'rviz', 'record',
        'log_level',
        'use_sim_time'},
    'view.launch.py': {'namespace', 'params_file', 'rviz', 'rqt', 'use_sim_time', 'frame_prefix'},
}


def describe(file: str) -> Any:
    spec = importlib.util.spec_from_file_location(file.partition('.')[0] + '_launch', FOLDER / file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def started(file: str = 'turret.launch.py', **arguments: str) -> list[Any]:
    """Return the actions of a launch file with its arguments."""
    context = launch.LaunchContext()
    *declared, start = describe(file).entities
    assert set(arguments) <= {argument.name for argument in declared}
    for argument in declared:
        if argument.name in arguments:
            context.launch_configurations[argument.name] = arguments[argument.name]
        argument.execute(context)
    return list(start.execute(context))


def nodes(file: str = 'turret.launch.py', **arguments: str) -> dict[str, Any]:
    return {
        action.node_executable: action for action in started(file, **arguments) if hasattr(action, 'node_executable')}


def parameters(namespace: str, node: str) -> str:
    return (effective_folder(namespace) / f'{node}.yaml').read_text()


@pytest.fixture
def has(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say which packages of a distribution are installed."""
    def pretend(*packages: str) -> None:
        from turret_bringup.run import ros_launch

        def prefix(package: str) -> str:
            if package not in packages:
                raise ros_launch.PackageNotFoundError(package)
            return '/opt'
        monkeypatch.setattr(ros_launch, 'get_package_prefix', prefix)
    return pretend


@pytest.mark.parametrize('file', FILES)
def test_every_argument_is_described(file: str) -> None:
    arguments = [entity for entity in describe(file).entities if hasattr(entity, 'default_value')]
    assert arguments
    assert all(argument.description for argument in arguments)
    assert PROMISED.get(file, set()) <= {argument.name for argument in arguments}


def test_it_starts_the_graph_and_nothing_else() -> None:
    assert {name: action.node_package for name, action in nodes().items()} == {
        spec.name: spec.package for spec in compose('turret').nodes}


def test_wrong_parameters_are_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match='did you mean "driver"'):
        nodes(set='gimbal.drivr=sim')


@pytest.mark.parametrize(('argument', 'value'), [('bridge', 'foreign'), ('video', 'foreign'), ('sim', 'maybe')])
def test_an_argument_takes_only_what_is_listed(argument: str, value: str) -> None:
    with pytest.raises(RuntimeError, match=argument):
        nodes(**{argument: value})


def test_arguments_become_parameters() -> None:
    nodes(namespace='left', camera='/dev/video3', frame_prefix='left/', port='8123', bridge='none', record='light',
          use_sim_time='true')
    assert 'device: /dev/video3' in parameters('left', 'camera')
    assert 'frame_prefix: left/' in parameters('left', 'vision')
    assert 'port: 8123' in parameters('left', 'web')
    assert 'bridge: none' in parameters('left', 'web')
    assert 'record_on_start: light' in parameters('left', 'bag')
    assert 'use_sim_time: true' in parameters('left', 'status')


@pytest.mark.parametrize(('argument', 'package'), [
    ({'bridge': 'rosbridge_suite'}, 'rosbridge_server'), ({'video': 'web_video_server'}, 'web_video_server')])
def test_a_missing_server_ends_in_one_sentence(
        has: Callable[..., None], argument: dict[str, str], package: str) -> None:
    has()
    with pytest.raises(TurretError, match=f'needs the package {package}, which is not installed: sudo apt install'):
        nodes(**argument)


def test_the_upstream_servers_start_on_this_machine_behind_the_web_gateway(
        has: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_bringup.run.upstream_servers.secret_path', lambda: '/s3cret')
    has('rosbridge_server', 'rosapi', 'web_video_server')
    there = nodes(bridge='rosbridge_suite', video='web_video_server')
    assert {'rosbridge_websocket', 'rosapi_node', 'web_video_server'} <= set(there)
    assert 's3cret' not in parameters('turret', 'web')  # every node of the graph, and viewers, can read parameters


def test_view_starts_model_markers_and_rviz(has: Callable[..., None]) -> None:
    has('robot_state_publisher', 'rviz2', 'rqt_gui')
    assert set(nodes('view.launch.py')) == {'robot_state_publisher', 'rviz2', *(spec.name for spec in VIEWERS)}
    assert {'rqt_gui'} < set(nodes('view.launch.py', rviz='false', rqt='true'))


@pytest.mark.parametrize(('installed', 'missing'), [
    ((), 'robot_state_publisher'), (('robot_state_publisher',), 'rviz2')])
def test_a_missing_viewer_ends_in_one_sentence(
        has: Callable[..., None], installed: tuple[str, ...], missing: str) -> None:
    has(*installed)
    with pytest.raises(TurretError, match=f'needs the package {missing}, which is not installed'):
        nodes('view.launch.py')


def test_nothing_starts_where_rviz_is_missing(has: Callable[..., None]) -> None:
    has('robot_state_publisher')
    with pytest.raises(TurretError, match='needs the package rviz2'):
        started(rviz='true')


def test_rviz_comes_with_the_turret_when_it_is_asked_for(has: Callable[..., None]) -> None:
    has('robot_state_publisher', 'rviz2')
    assert sum(isinstance(action, launch.actions.IncludeLaunchDescription) for action in started(rviz='true')) == 1
