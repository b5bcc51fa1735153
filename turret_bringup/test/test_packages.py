# SPDX-License-Identifier: Apache-2.0
"""What a reviewer of the ROS index looks at: every dependency declared by its key, one version, a changelog each."""

from __future__ import annotations

import ast
import os
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from catkin_pkg.package import parse_package
from catkin_pkg.package_version import get_forthcoming_label
from packaging.markers import Marker, default_environment

ROOT = Path(__file__).parents[2]
PYTHON = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
PACKAGES = ('turret_msgs', *PYTHON)

#: The rosdep key of each module that is not a ROS package of the same name, from ros/rosdistro in August 2026. PyAV
#: has no key of its own; the one of aiortc, which depends on it, stands for it.
KEYS = {
    'aiohttp': 'python3-aiohttp', 'aiortc': 'python3-aiortc', 'av': 'python3-aiortc',
    'catkin_pkg': 'python3-catkin-pkg', 'cbor2': 'python3-cbor2', 'cv2': 'python3-opencv',
    'gpiozero': 'python3-gpiozero', 'hypothesis': 'python3-hypothesis', 'lgpio': 'python3-lgpio',
    'matplotlib': 'python3-matplotlib',
    'mpl_toolkits': 'python3-matplotlib', 'numpy': 'python3-numpy',
    'packaging': 'python3-packaging', 'paho': 'python3-paho-mqtt',
    'psutil': 'python3-psutil', 'pytest': 'python3-pytest',
    'serial': 'python3-serial', 'setproctitle': 'python3-setproctitle', 'urdf_parser_py': 'urdfdom_py',
    'yaml': 'python3-yaml',
}
#: Modules without a key that only an optional feature imports, which reports their absence.
OPTIONAL = {
    'ai_edge_litert': 'detector method tflite', 'onnxruntime': 'detector method onnx', 'picamera2': 'camera source',
    'lz4': 'bags', 'mcap': 'bags', 'zstandard': 'bags', 'orjson': 'faster JSON',
    'control_msgs': 'gimbal driver ros with FollowJointTrajectory', 'dynamixel_sdk': 'gimbal driver dynamixel',
    'onvif': 'gimbal driver onvif',
    'pip': 'check of the virtual environment', 'playwright': 'benchmark of the panel',
    '_typeshed': 'type check', 'amqtt': 'broker of tests', 'pwdlib': 'broker of tests', 'pytest': 'helpers of tests',
    'foxglove': 'benchmark of the web gateway', 'rosbag2_py': 'bags without mcap', 'rosbags': 'bags of ROS 1',
    'pyarrow': 'export as Parquet', 'segno': 'QR code of the sign-in address',
}
#: Modules that only tests import: programs in ``tools``, and others without which the tests that need them are skipped.
TEST_ONLY = {
    'codespell_lib', 'draw_docs', 'error_texts', 'flatbuffers', 'mkdocs', 'mypy', 'onnx', 'roslibpy', 'simple_pid'}


@cache
def imported(folder: Path) -> dict[str, str]:
    """Return the first part of each module that the files of a folder import, and one of these files."""
    found = {}
    local = {path.stem for path in folder.rglob('*.py')} | {path.name for path in folder.rglob('*') if path.is_dir()}
    for path in folder.rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            found |= {name.partition('.')[0]: str(path) for name in _names(node)}
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names and name not in local}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
    elif (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
          and node.func.attr in ('import_module', 'importorskip') and isinstance(node.args[0], ast.Constant)):
        yield str(node.args[0].value)


def declared(package: str, *tags: str) -> set[str]:
    root = ET.parse(ROOT / package / 'package.xml').getroot()
    return {str(entry.text) for tag in tags for entry in root.findall(tag)}


@pytest.mark.parametrize('package', PYTHON)
def test_every_import_is_covered_by_a_dependency(package: str) -> None:
    known = declared(package, 'depend', 'exec_depend') | {package}
    missing = {
        f'{KEYS.get(name, name)} for {name} in {path}' for name, path in imported(ROOT / package / package).items()
        if name not in OPTIONAL and KEYS.get(name, name) not in known}
    assert not missing


@pytest.mark.parametrize('package', PYTHON)
def test_every_import_of_a_test_is_covered_by_a_dependency(package: str) -> None:
    known = declared(package, 'depend', 'exec_depend', 'test_depend') | {package}
    missing = {
        f'{KEYS.get(name, name)} for {name} in {path}' for name, path in imported(ROOT / package / 'test').items()
        if name not in OPTIONAL and name not in TEST_ONLY and KEYS.get(name, name) not in known}
    assert not missing


@pytest.mark.parametrize('package', PYTHON)
def test_no_dependency_is_declared_in_vain(package: str) -> None:
    modules = {**imported(ROOT / package / 'test'), **imported(ROOT / package / package)}
    used = {KEYS.get(name, name) for name in modules}
    text = ''.join(path.read_text() for path in (ROOT / package / package).rglob('*.py'))
    unused = {
        key for key in declared(package, 'depend', 'exec_depend', 'test_depend') - used
        if f"'{key}'" not in text}  # a program, or a package that a launch file starts
    assert not unused


@pytest.mark.parametrize('package', PACKAGES)
def test_a_package_describes_itself_by_the_rules(package: str) -> None:
    described = parse_package(str(ROOT / package), warnings=(warnings := []))
    assert not warnings
    assert described.package_format == 3
    assert described.licenses == ['Apache-2.0']
    assert described.maintainers
    assert described.description.endswith('.')
    build_type = 'ament_cmake' if package == 'turret_msgs' else 'ament_python'
    assert described.get_build_type() == build_type


def test_all_packages_have_one_version_and_setup_py_repeats_what_package_xml_says() -> None:
    described = {package: parse_package(str(ROOT / package)) for package in PACKAGES}
    assert len({package.version for package in described.values()}) == 1
    for name in PYTHON:
        setup = (ROOT / name / 'setup.py').read_text()
        package = described[name]
        # catkin_prepare_release raises the version in all of these files; it looks for this form.
        assert f"    version='{package.version}'," in setup
        assert f"description='{package.description}'" in setup
        assert f"license='{package.licenses[0]}'" in setup
        assert f"package_name = '{name}'" in setup
        assert "extras_require={'test': ['pytest']}" in setup  # else colcon test looks for unittest alone


@pytest.mark.parametrize('package', PACKAGES)
def test_a_package_has_a_changelog_in_the_form_of_rep_132(package: str) -> None:
    text = (ROOT / package / 'CHANGELOG.rst').read_text()
    assert f'\nChangelog for package {package}\n' in text
    assert get_forthcoming_label(text) == 'Forthcoming'


@pytest.mark.parametrize('package', PACKAGES)
def test_a_package_says_what_it_is_and_how_good(package: str) -> None:
    readme = (ROOT / package / 'README.md').read_text()
    assert readme.startswith(f'# {package}\n')
    assert 'Quality Level' in readme


def test_every_file_has_a_license() -> None:
    rules = (ROOT / 'REUSE.toml').read_text()
    assert re.search(r'path = "\*\*"\n.*SPDX-FileCopyrightText = .*\nSPDX-License-Identifier = "Apache-2.0"', rules,
                     re.DOTALL)
    license_text = (ROOT / 'LICENSE').read_text()
    for path in (ROOT / 'LICENSES' / 'Apache-2.0.txt', *(ROOT / package / 'LICENSE' for package in PACKAGES)):
        assert path.read_text() == license_text


def test_the_build_of_the_messages_lists_every_interface_file() -> None:
    folder = ROOT / 'turret_msgs'
    listed = re.findall(r'^  "((?:msg|srv|action)/\w+\.\w+)"$', (folder / 'CMakeLists.txt').read_text(), re.MULTILINE)
    kinds = ('action', 'msg', 'srv')
    assert listed == sorted(path.relative_to(folder).as_posix() for kind in kinds for path in folder.glob(f'{kind}/*'))


#: Keys of ros/rosdistro that install with pip on Ubuntu 24.04. rosdep refuses those, and packages that depend on them
#: cannot be released.
PIP_ONLY = {'mcap', 'mcap-ros2-support', 'python3-orjson', 'python3-onnxruntime-pip', 'python3-mcap-ros2-support-pip'}


@pytest.mark.parametrize('package', PACKAGES)
def test_no_dependency_is_installable_with_pip_only(package: str) -> None:
    keys = declared(package, 'depend', 'exec_depend', 'build_depend', 'test_depend')
    assert not keys & PIP_ONLY
    assert not [key for key in keys if key.endswith('-pip')]


@pytest.mark.parametrize('package', PACKAGES)
def test_every_key_is_an_apt_package_of_ubuntu_24_04(package: str) -> None:
    """What rosdep would do, by a copy of ros/rosdistro at $TURRET_ROSDISTRO."""
    folder = os.environ.get('TURRET_ROSDISTRO')
    if not folder:
        pytest.skip('$TURRET_ROSDISTRO names no copy of ros/rosdistro')
    rules = {}
    for name in ('base', 'python'):
        rules |= yaml.safe_load((Path(folder) / 'rosdep' / f'{name}.yaml').read_text())
    jazzy = yaml.safe_load((Path(folder) / 'jazzy' / 'distribution.yaml').read_text())['repositories'].values()
    released = {name for repository in jazzy for name in repository.get('release', {}).get('packages', ())}
    released |= {name for name, repository in yaml.safe_load(
        (Path(folder) / 'jazzy' / 'distribution.yaml').read_text())['repositories'].items() if 'release' in repository}
    kinds = ('depend', 'build_depend', 'buildtool_depend', 'exec_depend', 'test_depend')
    for key in declared(package, *kinds) - released - set(PACKAGES):
        rule = rules[key]['ubuntu']
        if isinstance(rule, dict):
            rule = rule.get('noble', rule.get('*', rule))
        assert isinstance(rule, list) or (isinstance(rule, dict) and 'pip' not in rule), (key, rule)
        assert rule, key


@pytest.mark.parametrize('python', ['3.10', '3.11', '3.12', '3.13'])
def test_no_two_sections_of_the_lock_file_ask_for_different_versions_of_a_package(python: str) -> None:
    environment = {**default_environment(), 'python_version': python, 'python_full_version': f'{python}.9'}
    found: dict[str, set[str]] = {}
    for name, version, marker in re.findall(
            r'^([\w.-]+)(?:\[.*?\])?==(\S+)(?: ; (.*?))? \\$', (ROOT / 'requirements' / 'lock.txt').read_text(), re.M):
        if not marker or Marker(marker).evaluate(environment):
            found.setdefault(name.lower(), set()).add(version)
    assert len(found) > 200
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}
