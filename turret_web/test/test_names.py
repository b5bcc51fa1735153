# SPDX-License-Identifier: Apache-2.0
"""Names and types from outside: what is valid by the grammar of ROS, and what is refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.names import (
    ACTION_LENGTH,
    SERVICE_LENGTH,
    TOPIC_LENGTH,
    InterfaceType,
    RosName,
    action_name,
    service_name,
    topic_name,
)


@pytest.mark.parametrize('name', ['/a', '/turret/camera/image_raw', '/_x/_action/status', '/A1/b__2'])
def test_valid_names(name: str) -> None:
    assert RosName(name) == name
    assert topic_name(name[1:]) == name


@pytest.mark.parametrize('name', [
    '', '/', '//', '/a/', '/a//b', '/a b', '/1x', '/a\0', '/turret/controller/jog\0/state', '/{x}', '/~a', '/\u2603',
    '/a-b', '/a\n', '/a#1', '/a.b', '/' + 'a' * TOPIC_LENGTH])
def test_names_that_ros_does_not_accept_are_refused(name: str) -> None:
    for parse in (RosName, topic_name, service_name, action_name):
        with pytest.raises(TurretError) as refused:
            parse(name)
        assert refused.value.code is ReasonCode.INVALID_ARGUMENT
        assert len(refused.value.message) < 250
        assert refused.value.message.isprintable()


@given(st.text())
def test_a_name_is_valid_or_refused(text: str) -> None:
    try:
        name = topic_name(text)
    except TurretError:
        return
    assert '\0' not in name
    assert name.isascii()
    assert all(part.isidentifier() for part in name[1:].split('/'))


def test_services_and_actions_leave_space_for_the_names_of_the_middleware() -> None:
    assert len(service_name('a' * (SERVICE_LENGTH - 1))) == SERVICE_LENGTH
    assert len(action_name('a' * (ACTION_LENGTH - 1))) == ACTION_LENGTH
    for parse, length in ((service_name, SERVICE_LENGTH), (action_name, ACTION_LENGTH), (topic_name, TOPIC_LENGTH)):
        with pytest.raises(TurretError, match=f'longer than {length}'):
            parse('a' * length)


def test_the_node_of_a_service() -> None:
    assert RosName('/turret/camera/set_parameters').node == '/turret/camera'


@pytest.mark.parametrize(('text', 'kind', 'parsed'), [
    ('std_msgs/String', 'msg', 'std_msgs/msg/String'), ('std_msgs/msg/String', 'msg', 'std_msgs/msg/String'),
    ('turret_msgs/Stop', 'srv', 'turret_msgs/srv/Stop'),
    ('turret_msgs/action/Home', 'action', 'turret_msgs/action/Home'),
    ('turret_msgs/action/Home_FeedbackMessage', 'msg', 'turret_msgs/action/Home_FeedbackMessage'),
    ('turret_msgs/action/Home_SendGoal', 'srv', 'turret_msgs/action/Home_SendGoal')])
def test_valid_types(text: str, kind: str, parsed: str) -> None:
    assert InterfaceType(text, kind) == parsed


@pytest.mark.parametrize(('text', 'kind'), [
    ('turret_msgs/action/Home', 'msg'), ('turret_msgs/action/Home', 'srv'), ('turret_msgs/action/Home_SendGoal', 'msg'),
    ('turret_msgs/action/Home_Goal', 'srv'), ('turret_msgs/action/Home_Goal', 'action'), ('std_msgs/srv/String', 'msg'),
    ('', 'msg'), ('x', 'msg'), ('a/b/c/D', 'msg'), ('std_msgs/String\0', 'msg'), ('../../etc/passwd', 'msg'),
    ('std_msgs/' + 'A' * 300, 'msg')])
def test_types_of_another_kind_are_refused(text: str, kind: str) -> None:
    with pytest.raises(TurretError) as refused:
        InterfaceType(text, kind)
    assert refused.value.code is ReasonCode.INVALID_ARGUMENT
