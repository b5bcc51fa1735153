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

_NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_SPEC = GRAPH[0]


def files(variables: dict[str, str]) -> set[str]:
    return {Path(variables[name]).name for name in _NAMES if name in variables}


def test_every_process_announces_itself_for_long_and_image_publishers_have_room_too() -> None:
    assert files(environment({})) == {'fastdds.xml'}
    assert files(node_environment(dataclasses.replace(_SPEC, raw_images=False), {})) == {'fastdds.xml'}
    assert files(node_environment(dataclasses.replace(_SPEC, raw_images=True), {})) == {'fastdds_shm.xml'}


@pytest.mark.parametrize('name', _NAMES)
def test_a_profile_of_the_shell_is_used(name: str) -> None:
    assert files(environment({name: '/own.xml'})) == set()


def test_both_profiles_discover_alike_and_recover_lost_messages_alike() -> None:
    found = []
    for file in ('fastdds.xml', 'fastdds_shm.xml'):
        root = ElementTree.parse(str(resources.files('turret_bringup') / 'config' / file)).getroot()
        (discovery,), (times,) = root.findall('.//{*}discovery_config'), root.findall('.//{*}times')
        found.append([(element.tag, (element.text or '').strip()) for element in (*discovery.iter(), *times.iter())])
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
