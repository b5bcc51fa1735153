# SPDX-License-Identifier: Apache-2.0
"""Rules of the whole code base, checked over all packages."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from enum import IntEnum
from importlib import resources
from pathlib import Path

import pytest
from tracked import tracked_files

from turret_bringup.settings.graph import GRAPH, VIEWERS
from turret_common import params
from turret_common.reason_codes import ReasonCode

ROOT = Path(__file__).parents[2]
PACKAGES = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package / package).rglob('*.py'))]
TESTS = [path for package in PACKAGES for path in sorted((ROOT / package / 'test').rglob('*.py'))]
PANEL_MODULES = [
    path for path in sorted((ROOT / 'turret_web' / 'panel' / 'src').rglob('*'))
    if path.suffix in ('.ts', '.tsx') and '.test.' not in path.name]
TS_IMPORT = re.compile(r"""\bfrom\s+['"](\.[^'"]+)['"]""")
#: What rclpy (or rosidl) does not document.
INTERNALS = re.compile(
    r'rclpy_implementation|take_message\(|_parameter_overrides|\._is_shutdown|\._action_server\b|__constants')
ROS = {
    'rclpy', 'launch', 'launch_ros', 'cv_bridge', 'rcl_interfaces', 'action_msgs', 'builtin_interfaces',
    'diagnostic_msgs', 'geometry_msgs', 'launch_testing', 'rosgraph_msgs', 'sensor_msgs', 'std_msgs', 'std_srvs',
    'tf2_msgs', 'trajectory_msgs', 'visualization_msgs',
    'turret_msgs'}
#: Enums of the code whose members are the constants of a message that begin with a prefix.
ENUMS = (
    ('turret_common.reason_codes', 'ReasonCode', 'msg/ReasonCode', ''),
    ('turret_camera.frame', 'StampSource', 'msg/CameraState', 'STAMP_'),
    ('turret_camera.grabber', 'Status', 'msg/CameraState', 'STATUS_'),
    ('turret_camera.media.library', 'MediaKind', 'msg/MediaItem', 'KIND_'),
    ('turret_control.controller.task', 'Mode', 'msg/ControllerState', 'MODE_'),
    ('turret_control.motion', 'CommandMode', 'msg/GimbalCommand', 'MODE_'),
    ('turret_control.controller.target_follower', 'Tracking', 'msg/ControllerState', 'TRACKING_'),
    ('turret_common.track_state', 'TrackState', 'msg/Track', 'STATE_'),
    ('turret_control.aiming.selection', 'Priority', 'msg/ControllerState', 'PRIORITY_'),
    ('turret_control.actions.patterns', 'Kind', 'action/RunPattern', 'KIND_'),
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


def imported_names(path: Path) -> Iterator[str]:
    """Give each name that a file imports, with its module, anywhere in it; not those for the type checker only."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == 'TYPE_CHECKING':
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def imports(path: Path) -> Iterator[str]:
    """Give the top-level package of each import of a file."""
    return (name.partition('.')[0] for name in imported_names(path))


def module_name(path: Path) -> str:
    """Return the dotted name of a module of the code base."""
    package = next(package for package in PACKAGES if ROOT / package in path.parents)
    parts = path.relative_to(ROOT / package).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def module_graph() -> dict[str, set[str]]:
    """Return the modules of the code base that each module imports."""
    names = {module_name(path): path for path in MODULES}
    return {
        module: {known for name in imported_names(path) for known in (name, name.rpartition('.')[0]) if known in names}
        - {module} for module, path in names.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes of a graph that are on or between circles: what is left after removing all ends."""
    left = {node: set(targets) & graph.keys() for node, targets in graph.items()}
    while ends := {node for node, targets in left.items() if not targets} | (
            left.keys() - {target for targets in left.values() for target in targets}):
        left = {node: targets - ends for node, targets in left.items() if node not in ends}
    return sorted(left)


def is_ros_module(path: Path) -> bool:
    return path.name.endswith(('_node.py', '.launch.py')) or path.name.startswith('ros_') or path.parent.name == 'ros'


@pytest.mark.parametrize('path', MODULES, ids=lambda path: f'{path.parent.name}/{path.name}')
def test_only_node_and_ros_modules_import_ros(path: Path) -> None:
    if not is_ros_module(path):
        assert not ROS & set(imports(path))


FOLDERS = sorted({path.parent for path in [*MODULES, *PANEL_MODULES]})


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_a_folder_has_at_most_20_modules(folder: Path) -> None:
    modules = [path for path in [*MODULES, *PANEL_MODULES] if path.parent == folder and path.stem != '__init__']
    assert len(modules) <= 20


def test_no_module_of_a_folder_imports_a_node() -> None:
    graph = module_graph()
    up = {module: nodes for module, targets in graph.items() if module.count('.') > 1 and '.bench.' not in module
          if (nodes := {target for target in targets if target.endswith('_node')})}
    assert not up


def test_no_python_modules_import_each_other_in_a_circle() -> None:
    assert circle(module_graph()) == []


def test_no_panel_modules_import_each_other_in_a_circle() -> None:
    names = {path.with_suffix('').as_posix(): path for path in PANEL_MODULES}
    graph = {
        name: {(path.parent / target).resolve().as_posix() for target in TS_IMPORT.findall(path.read_text())}
        for name, path in names.items()}
    assert circle(graph) == []


def test_a_circle_of_imports_is_found() -> None:
    assert circle({'a': {'b'}, 'b': {'c'}, 'c': {'b'}, 'd': set()}) == ['b', 'c']
    assert circle({'a': {'b', 'c'}, 'b': {'c'}, 'c': set()}) == []


@pytest.mark.parametrize(('importer', 'imported', 'except_in'), [
    ('turret_control.', 'turret_vision', None), ('turret_', 'turret_bringup.bench', 'turret_bringup.bench')])
def test_forbidden_imports(importer: str, imported: str, except_in: str | None) -> None:
    graph = module_graph()
    found = {module: targets for module, all_targets in graph.items() if module.startswith(importer) and not (
        except_in and module.startswith(except_in))
        if (targets := {target for target in all_targets if f'{target}.'.startswith(f'{imported}.')})}
    assert not found


def test_every_reason_code_is_given_by_some_code() -> None:
    text = '\n'.join(path.read_text() for path in MODULES if path.name != 'reason_codes.py')
    given = set(re.findall(r'\bReasonCode\.([A-Z][A-Z_0-9]*)\b', text))
    assert {code.name for code in ReasonCode} - given <= {'GRANT_EXPIRED'}


@pytest.mark.parametrize('path', MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_kept_error_is_raised_without_the_frames_of_the_times_before(path: Path) -> None:
    # An exception collects the frames of each time it is raised, with all their variables, see TurretError.again.
    raised = [node.lineno for node in ast.walk(ast.parse(path.read_text()))
              if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Attribute)]
    assert not raised


def test_internals_of_rclpy_are_used_in_one_module_only() -> None:
    used = {path.relative_to(ROOT).as_posix() for path in [*MODULES, *TESTS] if INTERNALS.search(path.read_text())}
    assert used == {
        'turret_common/turret_common/ros/internals.py', Path(__file__).relative_to(ROOT).as_posix()}


def names_of_instances(definition: ast.ClassDef) -> set[str]:
    """Return the private names that the instances of a class have by its body: methods, and attributes of self."""
    stored = {
        node.attr for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name) and node.value.id == 'self'}
    methods = {node.name for node in definition.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    return {name for name in stored | methods if name.startswith('_') and not name.startswith('__')}


def classes(path: Path, base: str) -> list[ast.ClassDef]:
    """Return the classes of a file that are, or derive from, a class of this name."""
    return [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
        and (node.name == base or any(isinstance(b, ast.Name) and b.id == base for b in node.bases))]


@pytest.mark.parametrize('path', [path for path in MODULES if is_ros_module(path)], ids=lambda path: path.name)
def test_no_node_shadows_a_private_name_of_its_base_class(path: Path) -> None:
    package = importlib.util.find_spec('rclpy')
    assert package is not None
    assert package.origin is not None
    (node,) = classes(Path(package.origin).parent / 'node.py', 'Node')
    inherited = names_of_instances(node)
    assert {'_parameters', '_clock', '_logger'} <= inherited
    for definition in classes(path, 'Node'):
        assert not names_of_instances(definition) & inherited, definition.name


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


def test_every_source_file_names_its_license() -> None:
    suffixes = ('.py', '.sh', '.cmake', '.cfg', '.xacro', '.ts', '.tsx', '.mjs', '.js', '.css', '.html', '.xml')
    paths = [ROOT / name for name in tracked_files() if name.endswith(suffixes)]
    assert len(paths) > 500
    unnamed = [str(path) for path in paths if 'SPDX-License-Identifier: ' not in path.read_text()[:200]]
    assert not unnamed
