# SPDX-License-Identifier: Apache-2.0
"""The environment of the turret's processes: which Fast DDS profile each of them reads."""

from __future__ import annotations

import dataclasses
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from turret_bringup.settings.environment import (
    discovery,
    environment,
    node_environment,
    remember_discovery,
    require_supported,
    turret_domain,
)
from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.interface import TOPICS

_NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_SPEC = GRAPH[0]


#: Headers of IP and UDP, and the smallest MTU that the turret's links have: Ethernet and Wi-Fi within a tunnel.
_HEADERS, _MTU = 28, 1400


def profiles(path: Path) -> dict[str, ElementTree.Element]:
    """Return the profiles of writers by name."""
    return {str(found.get('profile_name')): found for found in ElementTree.parse(path).getroot().iter()
            if found.tag.endswith('data_writer')}


def files(variables: dict[str, str]) -> set[str]:
    return {Path(variables[name]).name for name in _NAMES if name in variables}


def test_every_process_announces_itself_for_long_and_image_publishers_have_room_too(tmp_path: Path) -> None:
    assert files(environment('turret', {})) == {'fastdds.xml'}
    assert int(environment('turret', {})['OPENCV_IO_MAX_IMAGE_PIXELS']) == 100_000_000
    assert environment('turret', {'OPENCV_IO_MAX_IMAGE_PIXELS': '9'})['OPENCV_IO_MAX_IMAGE_PIXELS'] == '9'
    for raw_images, file in ((False, 'fastdds.xml'), (True, 'fastdds_shm.xml')):
        spec = dataclasses.replace(_SPEC, raw_images=raw_images)
        assert files(node_environment(spec, 'turret', tmp_path, {})) == {file}


@pytest.mark.parametrize('name', _NAMES)
def test_a_profile_of_the_shell_is_used(name: str, tmp_path: Path) -> None:
    assert files(environment('turret', {name: '/own.xml'})) == set()
    assert files(node_environment(dataclasses.replace(_SPEC, raw_images=False), 'turret', tmp_path, {
        name: '/own.xml'})) == set()


@pytest.mark.parametrize('namespace', ['turret', 'left', 'hall/left'])
def test_each_publisher_of_jpeg_images_sends_them_in_messages_that_no_link_divides(
        namespace: str, tmp_path: Path) -> None:
    jpegs = [topic for topic in TOPICS if topic.type == 'sensor_msgs/msg/CompressedImage']
    assert len(jpegs) >= 2
    for topic in jpegs:
        spec, = (spec for spec in GRAPH if spec.name == topic.node)
        variables = node_environment(spec, namespace, tmp_path, {})
        profile = profiles(Path(variables[_NAMES[0]]))[f'/{namespace}/{topic.name}']
        (size,) = (found.findtext('{*}value') for found in profile.iterfind('.//{*}property')
                   if found.findtext('{*}name') == 'fastdds.max_message_size')
        assert 1000 < int(size or 0) <= _MTU - _HEADERS


def test_every_writer_announces_lost_messages_alike() -> None:
    for file in ('fastdds.xml', 'fastdds_shm.xml'):
        for profile in profiles(Path(str(resources.files('turret_bringup') / 'config' / file))).values():
            assert profile.findtext('.//{*}heartbeatPeriod/{*}nanosec') == '50000000'


def test_both_profiles_discover_alike() -> None:
    found = []
    for file in ('fastdds.xml', 'fastdds_shm.xml'):
        root = ElementTree.parse(str(resources.files('turret_bringup') / 'config' / file)).getroot()
        discovery, = root.findall('.//{*}discovery_config')
        found.append([(element.tag, (element.text or '').strip()) for element in discovery.iter()])
    assert found[0] == found[1]


def test_without_other_hosts_discovery_stays_on_this_one() -> None:
    assert discovery('', '') == {}
    assert environment('turret', {})['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_other_hosts_are_static_peers_or_meet_at_a_discovery_server() -> None:
    assert discovery('10.0.0.2, 10.0.0.3', '') == {'ROS_STATIC_PEERS': '10.0.0.2;10.0.0.3'}
    assert discovery('localhost', '')['ROS_STATIC_PEERS'].startswith('127.')
    everything = {'ROS_SUPER_CLIENT': 'TRUE'}  # the safety node looks for second publishers
    assert discovery('', '10.0.0.2') == {'ROS_DISCOVERY_SERVER': '10.0.0.2:11811', **everything}
    assert discovery('', '10.0.0.2:5000') == {'ROS_DISCOVERY_SERVER': '10.0.0.2:5000', **everything}


def test_programs_discover_a_turret_as_its_nodes_were_started(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    assert environment('left', {})['ROS_DISCOVERY_SERVER'] == ''  # not missing: Fast DDS would take the last one
    remember_discovery('left', {**discovery('10.0.0.3', '10.0.0.2'), 'HOME': '/home/me'})
    found = environment('/left', {})
    assert found['ROS_DISCOVERY_SERVER'] == '10.0.0.2:11811'
    assert found['ROS_SUPER_CLIENT'] == 'TRUE'
    assert found['ROS_STATIC_PEERS'] == '10.0.0.3'
    assert 'HOME' not in found
    assert 'ROS_DISCOVERY_SERVER' not in environment('left', {'ROS_DISCOVERY_SERVER': ''})  # the shell decides
    assert environment('right', {})['ROS_DISCOVERY_SERVER'] == environment('right', {})['ROS_SUPER_CLIENT'] == ''
    assert 'ROS_DISCOVERY_SERVER' not in node_environment(_SPEC, 'left', tmp_path, {})  # those of a replay
    remember_discovery('left', {})
    assert environment('left', {})['ROS_DISCOVERY_SERVER'] == ''


def test_programs_reach_a_turret_in_its_domain_unless_the_shell_sets_one(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    assert environment('left', {})['ROS_DOMAIN_ID'] == ''
    assert turret_domain('left', {}) == 0
    remember_discovery('left', {'ROS_DOMAIN_ID': '7'})
    for shell in ({}, {'ROS_DOMAIN_ID': ''}, {'ROS_DOMAIN_ID': ' '}):
        assert environment('/left', shell)['ROS_DOMAIN_ID'] == '7'
        assert turret_domain('/left', shell) == 7
        assert environment('right', shell)['ROS_DOMAIN_ID'] == ''
    assert 'ROS_DOMAIN_ID' not in environment('left', {'ROS_DOMAIN_ID': '0'})
    assert turret_domain('left', {'ROS_DOMAIN_ID': '0'}) == 0
    assert 'ROS_DOMAIN_ID' not in node_environment(_SPEC, 'left', tmp_path, {})


@pytest.mark.parametrize('domain', ['"x"', '-1', '233', 'null', '[1]'])
def test_a_domain_that_does_not_exist_is_not_used(
        domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    remember_discovery('left', {'ROS_DOMAIN_ID': '7', 'ROS_STATIC_PEERS': '10.0.0.3'})
    file = tmp_path / 'turret' / 'left' / 'discovery.json'
    file.write_text(file.read_text().replace('"7"', domain))
    assert environment('left', {})['ROS_DOMAIN_ID'] == ''
    assert environment('left', {})['ROS_STATIC_PEERS'] == '10.0.0.3'


@pytest.mark.parametrize('damage', ['', '[]', '{"ROS_STATIC'])
def test_a_damaged_file_of_discovery_is_not_used(
        damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    remember_discovery('left', {})
    (tmp_path / 'turret' / 'left' / 'discovery.json').write_text(damage)
    assert environment('left', {})['ROS_STATIC_PEERS'] == ''


def test_each_node_has_the_enclave_of_its_group_where_security_is_on(tmp_path: Path) -> None:
    secured = {'ROS_SECURITY_ENABLE': 'true'}
    found = {spec.name: node_environment(spec, 'hall/left', tmp_path, secured)['ROS_SECURITY_ENCLAVE_OVERRIDE']
             for spec in GRAPH}
    assert found['vision'] == '/hall/left/perception'
    assert found['laser'] == found['safety'] == '/hall/left/hardware'
    assert environment('hall/left', secured)['ROS_SECURITY_ENCLAVE_OVERRIDE'] == found['web'] == '/hall/left/operator'
    own = {**secured, 'ROS_SECURITY_ENCLAVE_OVERRIDE': '/mine'}
    assert 'ROS_SECURITY_ENCLAVE_OVERRIDE' not in node_environment(_SPEC, 'turret', tmp_path, own)
    assert 'ROS_SECURITY_ENCLAVE_OVERRIDE' not in environment('turret', {})


@pytest.mark.parametrize(('variables', 'words'), [
    ({'ROS_SECURITY_ENABLE': 'true'}, 'without security'), ({'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}, 'rmw_zenoh_cpp')])
def test_what_the_python_packages_do_not_contain_is_refused(variables: dict[str, str], words: str) -> None:
    require_supported({'RMW_IMPLEMENTATION': '', 'ROS_SECURITY_ENABLE': 'false'})
    with pytest.raises(TurretError, match=words):
        require_supported(variables)


def test_zenoh_has_no_peers() -> None:
    for peers, server in (('10.0.0.2', ''), ('', '10.0.0.2')):
        with pytest.raises(TurretError, match='routers'):
            discovery(peers, server, {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'})
    assert discovery('', '', {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}) == {}


@pytest.mark.parametrize(('peers', 'server'), [
    ('no-such-host.invalid', ''), ('', '10.0.0.2:port'), ('', ':1'), ('', '10.0.0.2:0'), ('', '10.0.0.2:65536')])
def test_a_host_that_does_not_exist_is_refused(peers: str, server: str) -> None:
    with pytest.raises(TurretError, match=r'no-such-host|port|empty'):
        discovery(peers, server)
