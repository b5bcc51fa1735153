# SPDX-License-Identifier: Apache-2.0
"""What keeps a replay away from hardware, guard by guard."""

from __future__ import annotations

import pytest

from turret_bringup.replay.guard import HARDWARE, NEVER_PLAYED, choose_domain, intruder, isolated, plan
from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.interface import TOPICS
from turret_common.reason_codes import ReasonCode
from turret_common.ros.domains import DOMAINS

TYPES = {f'/turret/{topic.name}': topic.type for topic in TOPICS if not topic.name.startswith('/')}


def unused(_: int) -> bool:
    return False


@pytest.mark.parametrize(('environment', 'asked'), [({'ROS_DOMAIN_ID': '42'}, 42), ({'ROS_DOMAIN_ID': ' 42 '}, 42)])
def test_the_domain_of_the_shell_is_refused(environment: dict[str, str], asked: int) -> None:
    with pytest.raises(TurretError) as refused:
        choose_domain(asked, environment, unused)
    assert refused.value.code is ReasonCode.NOT_ALLOWED


@pytest.mark.parametrize('asked', [0, -1, 102, 1000])
def test_the_default_domain_and_impossible_ones_are_refused(asked: int) -> None:
    with pytest.raises(TurretError):
        choose_domain(asked, {}, unused)
    with pytest.raises(TurretError):
        choose_domain(asked, {'ROS_DOMAIN_ID': '7'}, unused)


def test_a_domain_that_a_person_is_in_is_refused() -> None:
    with pytest.raises(TurretError) as refused:
        choose_domain(5, {}, lambda domain: domain == 5)
    assert refused.value.code is ReasonCode.NOT_ALLOWED


def test_a_domain_is_found_that_is_neither_the_shells_nor_in_use() -> None:
    last = DOMAINS[-1]
    assert choose_domain(None, {}, unused) == last
    assert choose_domain(None, {'ROS_DOMAIN_ID': str(last)}, lambda domain: domain == last - 1) == last - 2
    with pytest.raises(TurretError):
        choose_domain(None, {}, lambda _: True)
    assert 0 not in DOMAINS


@pytest.mark.parametrize('opened', [
    {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SYSTEM_DEFAULT'},
    {'ROS_STATIC_PEERS': '192.168.0.7'}, {'ROS_DISCOVERY_SERVER': '192.168.0.7:11811'}, {'ROS_DOMAIN_ID': '0'},
    {'FASTRTPS_DEFAULT_PROFILES_FILE': '/any.xml'}, {'FASTDDS_DEFAULT_PROFILES_FILE': '/any.xml'},
    {'XDG_STATE_HOME': '/home/me/.local/state'}, {'XDG_RUNTIME_DIR': '/run/user/1'}], ids=str)
def test_no_setting_of_the_shell_lets_other_hosts_or_the_turrets_own_files_in(opened: dict[str, str]) -> None:
    assert isolated({'PATH': '/bin', **opened}, 9, '/tmp/x') == {
        'PATH': '/bin', 'ROS_DOMAIN_ID': '9', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'XDG_STATE_HOME': '/tmp/x'}


@pytest.mark.parametrize('name', ['plant', 'safety', 'laser', 'gimbal', 'camera'])
def test_every_node_that_drives_hardware_is_an_intruder(name: str) -> None:
    assert name in {spec.name for spec in GRAPH}
    assert intruder(['replay', name, 'web']) == name
    assert name in HARDWARE


def test_what_takes_part_in_a_replay_is_no_intruder() -> None:
    assert intruder(['replay', 'web', 'vision', 'controller', 'client_77', 'rviz']) is None


@pytest.mark.parametrize('kind', [
    'sensor_msgs/msg/Joy', 'turret_msgs/msg/FireGrant', 'turret_msgs/msg/FireRequest'])
def test_requests_are_never_played_whatever_they_are_called(kind: str) -> None:
    for options in ({}, {'wanted': ['*']}, {'remaps': ['/a:=/b']}, {'into': ['controller']}):
        outlets = plan({'/a': kind, '/turret/status': 'turret_msgs/msg/TurretStatus'}, namespace='/turret',
                       **options)  # type: ignore[arg-type]
        assert outlets['/a'].name is None
        assert outlets['/a'].why_not


def test_all_requests_of_operators_are_among_those_types() -> None:
    asked = {topic.type for topic in TOPICS if topic.node == 'operator'}
    assert asked <= NEVER_PLAYED


@pytest.mark.parametrize('target', [
    '/turret/safety/permit', '/turret/safety/fire_grant', '/turret/laser/state', '/turret/gimbal/command',
    '/turret/joint_states', '/joy', '/left/joy', '/gimbal/command', '/joint_states',
    '/turret/controller/fire_request', '/a/b/safety/heartbeat'])
def test_nothing_is_mapped_onto_what_hardware_listens_to(target: str) -> None:
    with pytest.raises(TurretError) as refused:
        plan(TYPES, namespace='/turret', remaps=[f'/turret/status:={target}'])
    assert refused.value.code is ReasonCode.NOT_ALLOWED


@pytest.mark.parametrize(
    'remap', ['', 'a', '/a:=', ':=/a', 'a:=/b', '/a:=b', '/a:=/b c', '/a:=/../b', '/turret/none:=/b'])
def test_a_remap_that_makes_no_sense_is_refused(remap: str) -> None:
    with pytest.raises(TurretError):
        plan(TYPES, namespace='/turret', remaps=[remap])


def test_topics_are_played_under_their_names_by_default() -> None:
    outlets = plan(TYPES, namespace='/turret', wanted=['vision/*', '/turret/status'],
                   remaps=['/turret/status:=/old/status'])
    played = {name: outlet.name for name, outlet in outlets.items() if outlet.name}
    assert played == {
        '/turret/status': '/old/status',
        **{name: name for name in TYPES if name.startswith('/turret/vision/')}}


def test_a_pattern_that_fits_nothing_is_refused() -> None:
    with pytest.raises(TurretError) as refused:
        plan(TYPES, namespace='/turret', wanted=['vision/*', 'visoin/*'])
    assert refused.value.code is ReasonCode.UNKNOWN_NAME


def test_what_a_node_publishes_that_runs_again_is_kept_apart() -> None:
    outlets = plan(TYPES, namespace='/turret', into=['controller'])
    assert outlets['/turret/gimbal/command'].name == '/turret/recorded/gimbal/command'
    assert outlets['/turret/controller/state'].name == '/turret/recorded/controller/state'
    assert outlets['/turret/vision/tracks'].name == '/turret/vision/tracks'


@pytest.mark.parametrize('name', ['', 'a', '/', '/a b', '/2', '/a/', '/a//b', '/a;b', '/\n', '/../x', '/a' + chr(0)])
def test_a_name_that_no_topic_can_have_is_not_played(name: str) -> None:
    assert plan({name: 'x', '/a': 'y'}, namespace=None)[name].name is None


def test_the_clock_and_the_parameters_of_the_recording_stay_in_it() -> None:
    outlets = plan({'/clock': 'rosgraph_msgs/msg/Clock', '/parameter_events': 'x', '/a': 'y'}, namespace=None)
    assert [name for name, outlet in outlets.items() if outlet.name] == ['/a']
