# SPDX-License-Identifier: Apache-2.0
"""The environment of the turret's processes: which Fast DDS profile each of them reads."""

from __future__ import annotations

import dataclasses
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from turret_bringup.settings.environment import discovery, environment, node_environment
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
    assert files(environment({})) == {'fastdds.xml'}
    assert int(environment({})['OPENCV_IO_MAX_IMAGE_PIXELS']) == 100_000_000
    assert environment({'OPENCV_IO_MAX_IMAGE_PIXELS': '9'})['OPENCV_IO_MAX_IMAGE_PIXELS'] == '9'
    for raw_images, file in ((False, 'fastdds.xml'), (True, 'fastdds_shm.xml')):
        spec = dataclasses.replace(_SPEC, raw_images=raw_images)
        assert files(node_environment(spec, 'turret', tmp_path, {})) == {file}


@pytest.mark.parametrize('name', _NAMES)
def test_a_profile_of_the_shell_is_used(name: str, tmp_path: Path) -> None:
    assert files(environment({name: '/own.xml'})) == set()
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
    assert environment({})['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


def test_other_hosts_are_static_peers_or_meet_at_a_discovery_server() -> None:
    assert discovery('10.0.0.2, 10.0.0.3', '') == {'ROS_STATIC_PEERS': '10.0.0.2;10.0.0.3'}
    assert discovery('localhost', '')['ROS_STATIC_PEERS'].startswith('127.')
    assert discovery('', '10.0.0.2') == {'ROS_DISCOVERY_SERVER': '10.0.0.2:11811'}
    assert discovery('', '10.0.0.2:5000') == {'ROS_DISCOVERY_SERVER': '10.0.0.2:5000'}


@pytest.mark.parametrize(('peers', 'server'), [('no-such-host.invalid', ''), ('', '10.0.0.2:port'), ('', ':1')])
def test_a_host_that_does_not_exist_is_refused(peers: str, server: str) -> None:
    with pytest.raises(TurretError, match=r'no-such-host|port|empty'):
        discovery(peers, server)
