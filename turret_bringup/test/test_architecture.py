"""Rules of the whole code base, checked over all packages."""

from __future__ import annotations

import ast
import importlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from enum import IntEnum
from importlib import resources
from pathlib import Path

import pytest

from turret_bringup.settings.graph import GRAPH, VIEWERS
from turret_common import params

ROOT = Path(__file__).parents[2]
PACKAGES = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package / package).rglob('*.py'))]
ROS = {
    'rclpy', 'launch', 'launch_ros', 'cv_bridge', 'rcl_interfaces', 'action_msgs', 'builtin_interfaces',
    'diagnostic_msgs', 'geometry_msgs', 'launch_testing', 'rosgraph_msgs', 'sensor_msgs', 'std_msgs', 'std_srvs',
    'tf2_msgs', 'visualization_msgs',
    'turret_msgs'}
#: Enums of the code whose members are the constants of a message that begin with a prefix.
ENUMS = (
    ('turret_common.reason_codes', 'ReasonCode', 'msg/ReasonCode', ''),
    ('turret_camera.frame', 'StampSource', 'msg/CameraState', 'STAMP_'),
    ('turret_camera.grabber', 'Status', 'msg/CameraState', 'STATUS_'),
    ('turret_camera.media.library', 'MediaKind', 'msg/MediaItem', 'KIND_'),
    ('turret_control.controller.controller', 'Mode', 'msg/ControllerState', 'MODE_'),
    ('turret_control.motion', 'CommandMode', 'msg/GimbalCommand', 'MODE_'),
    ('turret_control.controller.target_follower', 'Tracking', 'msg/ControllerState', 'TRACKING_'),
    ('turret_common.track_state', 'TrackState', 'msg/Track', 'STATE_'),
    ('turret_control.aiming.selection', 'Priority', 'msg/ControllerState', 'PRIORITY_'),
    ('turret_control.actions.patterns', 'Kind', 'action/RunPattern', 'KIND_'),
    ('turret_control.gimbal.gimbal', 'Mode', 'msg/GimbalCommand', 'MODE_'),
    ('turret_control.gimbal.gimbal', 'Activity', 'msg/GimbalState', 'MOTION_'),
    ('turret_control.gimbal.gimbal', 'AxisCondition', 'msg/AxisState', 'STATE_'),
    ('turret_control.drivers.driver', 'Switch', 'msg/AxisState', 'SWITCH_'),
    ('turret_control.drivers.driver', 'PositionSource', 'msg/AxisState', 'POSITION_'),
    ('turret_control.laser.state_machine', 'LaserState', 'msg/LaserState', 'STATE_'),
    ('turret_control.laser.state_machine', 'GrantSource', 'msg/FireGrant', 'SOURCE_'),
    ('turret_control.safety.interlocks', 'Estop', 'msg/SafetyState', 'ESTOP_'),
    ('turret_control.safety.zones', 'ZoneKind', 'msg/Zone', 'KIND_'),
    ('turret_control.status', 'Severity', 'msg/Fault', 'SEVERITY_'),
)


def imports(path: Path) -> Iterator[str]:
    """Give the first part of each module that a file imports, wherever it does; not what only a type checker sees."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == 'TYPE_CHECKING':
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition('.')[0]


def is_ros_module(path: Path) -> bool:
    return path.name.endswith(('_node.py', '.launch.py')) or path.name.startswith('ros_') or path.parent.name == 'ros'


@pytest.mark.parametrize('path', MODULES, ids=lambda path: f'{path.parent.name}/{path.name}')
def test_only_node_and_ros_modules_import_ros(path: Path) -> None:
    if not is_ros_module(path):
        assert not ROS & set(imports(path))


def test_test_files_have_unique_names() -> None:
    """Test folders are not packages, so pytest cannot tell two files of the same name apart."""
    names = [path.name for package in PACKAGES for path in (ROOT / package / 'test').rglob('*.py')
             if path.name != 'conftest.py']
    assert not {name for name in names if names.count(name) > 1}


def test_nothing_shadows_a_module_of_ros() -> None:
    assert not {path.name for path in ROOT.iterdir() if path.is_dir()} & {'launch', 'launch_ros', 'cv_bridge', 'ros2'}


@pytest.mark.parametrize('package', PACKAGES)
def test_a_package_declares_the_packages_that_it_imports(package: str) -> None:
    description = ET.parse(ROOT / package / 'package.xml').getroot()
    declared = {entry.text for tag in ('depend', 'exec_depend') for entry in description.findall(tag)}
    used = {name for path in (ROOT / package / package).rglob('*.py') for name in imports(path)}
    assert (used & (ROS | set(PACKAGES))) - {package} <= declared


@pytest.mark.parametrize('spec', [*GRAPH, *VIEWERS], ids=lambda spec: spec.name)
def test_a_node_of_the_graph_exists_with_its_parameters_and_its_executable(spec: object) -> None:
    assert params.specs(spec.parameters())  # type: ignore[attr-defined]
    assert (ROOT / spec.package / Path(*spec.module.split('.'))).with_suffix('.py').is_file()  # type: ignore[attr-defined]
    setup = (ROOT / spec.package / 'setup.py').read_text()  # type: ignore[attr-defined]
    assert f"'{spec.name} = {spec.module}:main'" in setup  # type: ignore[attr-defined]


@pytest.mark.parametrize(('module', 'enum', 'interface', 'prefix'), ENUMS, ids=lambda value: value)
def test_an_enum_equals_the_constants_of_its_message(module: str, enum: str, interface: str, prefix: str) -> None:
    cls: type[IntEnum] = getattr(importlib.import_module(module), enum)
    members = {f'{prefix}{member.name}': int(member) for member in cls}
    expected = constants(interface, prefix)
    unknown = {name for name in expected if name.endswith('UNKNOWN')}  # code that always knows need not have it
    assert members == {name: value for name, value in expected.items() if name in members or name not in unknown}


def constants(interface: str, prefix: str) -> dict[str, int]:
    """Read the constants of a message, or an action's goal, from its definition."""
    kind, _, name = interface.partition('/')
    found = {}
    for line in (ROOT / 'turret_msgs' / kind / f'{name}.{kind}').read_text().splitlines():
        declaration = line.partition('#')[0].split()
        if len(declaration) == 2 and '=' in declaration[1] and declaration[1].startswith(prefix):
            constant, _, value = declaration[1].partition('=')
            found[constant] = int(value)
    return found


def test_what_is_read_at_run_time_is_installed() -> None:
    setup = (ROOT / 'turret_bringup' / 'setup.py').read_text()
    for name in ('config/simulation.yaml', 'config/fastdds.xml', 'config/fastdds_shm.xml', 'launch/turret.launch.py'):
        assert (resources.files('turret_bringup') / name).is_file()
        assert f"{name.partition('/')[0]}/*" in setup
