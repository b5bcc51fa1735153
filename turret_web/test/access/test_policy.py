# SPDX-License-Identifier: Apache-2.0
"""What each role may do, with the lists as they are shipped."""

from __future__ import annotations

from typing import Any

import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role, Use
from turret_web.web_parameters import AccessParameters

POLICY = Policy('/turret', AccessParameters())


def allowed(check: Any, *args: Any) -> bool:
    try:
        check(*args)
    except TurretError as error:
        return error.code is not ReasonCode.NOT_ALLOWED
    return True


@pytest.mark.parametrize('topic', [
    '/turret/status', '/turret/laser/state', '/turret/vision/tracks', '/turret/camera/image_raw/compressed',
    '/turret/joint_states', '/tf', '/tf_static', '/diagnostics'])
def test_every_role_may_read_the_turret(topic: str) -> None:
    assert allowed(POLICY.check, Use.SUBSCRIBE, Role.VIEWER, topic)
    assert POLICY.is_visible(topic)


@pytest.mark.parametrize('topic', [
    '/other/status', '/turret', '/status', '/turret/safety/fire_grant', '/parameter_events', '/turret2/status', ''])
def test_other_topics_may_not_be_read(topic: str) -> None:
    assert not allowed(POLICY.check, Use.SUBSCRIBE, Role.VIEWER, topic)


def test_operators_may_publish_nothing_that_is_not_listed() -> None:
    listed = Policy('/turret', AccessParameters(operator_topics=('demo/*',)))
    assert allowed(listed.check, Use.PUBLISH, Role.OPERATOR, '/turret/demo/note')
    assert not allowed(listed.check, Use.PUBLISH, Role.VIEWER, '/turret/demo/note')
    for topic in ('gimbal/command', 'safety/permit', 'safety/fire_grant', 'controller/fire_request', 'status',
                  'joint_states', 'camera/image_raw', 'vision/tracks'):
        assert not allowed(POLICY.check, Use.PUBLISH, Role.OPERATOR, f'/turret/{topic}')


OPEN_TO_VIEWERS = ('safety/stop', 'status/get_faults', 'camera/list_media', 'bag/list')
MOVES_OR_CHANGES = (
    'laser/arm', 'laser/disarm', 'laser/fire', 'laser/set_power', 'controller/set_mode', 'controller/move_to',
    'controller/nudge', 'controller/look_at_pixel', 'gimbal/set_enabled', 'gimbal/access_registers',
    'safety/acquire_lease',
    'safety/heartbeat', 'safety/reset', 'safety/set_zones', 'camera/delete_media', 'camera/start_recording',
    'bag/start', 'camera/save_parameters', 'gimbal/home/_action/send_goal', 'gimbal/home/_action/cancel_goal')


@pytest.mark.parametrize('service', OPEN_TO_VIEWERS)
def test_a_viewer_may_call_services_that_change_nothing(service: str) -> None:
    assert allowed(POLICY.check_call, Role.VIEWER, f'/turret/{service}', {})
    assert POLICY.is_open_to_viewers(f'/turret/{service}')


@pytest.mark.parametrize('service', MOVES_OR_CHANGES)
def test_a_viewer_can_never_cause_motion_or_fire(service: str) -> None:
    assert not allowed(POLICY.check_call, Role.VIEWER, f'/turret/{service}', {})
    assert allowed(POLICY.check_call, Role.OPERATOR, f'/turret/{service}', {})


@pytest.mark.parametrize('service', [
    '/other/laser/fire', '/turret/web/anything', '/turret/plant/anything', '/laser/fire', '/turret/status/change'])
def test_services_that_are_not_listed_may_not_be_called(service: str) -> None:
    assert not allowed(POLICY.check_call, Role.OPERATOR, service, {})


def changes(*names: Any) -> dict[str, Any]:
    return {'parameters': [{'name': name, 'value': {'type': 3, 'double_value': 1.0}} for name in names]}


@pytest.mark.parametrize('verb', ['set_parameters', 'set_parameters_atomically'])
def test_parameters_only_of_listed_nodes_and_only_by_operators(verb: str) -> None:
    def may(role: Role, node: str, args: Any) -> bool:
        return allowed(POLICY.check_call, role, f'{node}/{verb}', args)
    assert may(Role.OPERATOR, '/turret/controller', changes('pan.kp', 'tilt.kp'))
    assert may(Role.OPERATOR, '/turret/camera', changes('exposure_us'))
    assert not may(Role.VIEWER, '/turret/camera', changes('exposure_us'))
    assert may(Role.OPERATOR, '/turret/laser', changes('pulse_s', 'cooldown_s'))
    assert may(Role.OPERATOR, '/turret/gimbal', changes('pan.upper'))
    for node in ('/turret/web', '/turret/plant', '/turret/safety', '/other/camera', '/turret/camera/x'):
        assert not may(Role.OPERATOR, node, changes('pan.kp'))


def test_one_parameter_that_is_not_listed_refuses_all() -> None:
    policy = Policy('/turret', AccessParameters(parameters=('controller:pan.*',)))
    service = '/turret/controller/set_parameters'
    assert allowed(policy.check_call, Role.OPERATOR, service, changes('pan.kp'))
    assert not allowed(policy.check_call, Role.OPERATOR, service, changes('pan.kp', 'rate_hz'))
    for args in (
            changes(None), {'parameters': ['x']}, changes(3), {}, [], {'parameters': 'x'}, [[{'name': 'rate_hz'}]]):
        with pytest.raises(TurretError):
            policy.check_call(Role.OPERATOR, service, args)


def test_actions_are_for_operators() -> None:
    assert allowed(POLICY.check, Use.SEND_GOAL, Role.OPERATOR, '/turret/gimbal/home')
    assert not allowed(POLICY.check, Use.SEND_GOAL, Role.VIEWER, '/turret/gimbal/home')
    assert not allowed(POLICY.check, Use.SEND_GOAL, Role.OPERATOR, '/turret/laser/burst')


@pytest.mark.parametrize('part', ['status', 'feedback', 'send_goal', 'cancel_goal', 'get_result'])
def test_topics_and_services_of_an_action_belong_to_the_action(part: str) -> None:
    policy = Policy('/turret', AccessParameters(
        topics=('*',), operator_topics=('*',), viewer_services=('*',), operator_actions=('camera/*',),
        operator_offers=('demo/*',)))
    listed, other = f'/turret/camera/calibrate/_action/{part}', f'/turret/laser/burst/_action/{part}'
    for use in (Use.SUBSCRIBE, Use.CALL, Use.CALL_AS_OPERATOR, Use.SEND_GOAL):
        assert allowed(policy.check, use, Role.OPERATOR, listed)
        assert not allowed(policy.check, use, Role.VIEWER, listed)
        assert not allowed(policy.check, use, Role.OPERATOR, other)
    assert allowed(policy.check_call, Role.OPERATOR, listed, {})
    assert not allowed(policy.check_call, Role.VIEWER, listed, {})
    assert not policy.is_visible(listed)
    assert not allowed(policy.check, Use.PUBLISH, Role.OPERATOR, listed)
    assert allowed(policy.check, Use.PUBLISH, Role.OPERATOR, f'/turret/demo/count/_action/{part}')


def test_only_listed_names_may_be_offered() -> None:
    for name in ('/turret/laser/fire', '/turret/safety/stop', '/turret/gimbal/home', '/x'):
        assert not allowed(POLICY.check, Use.OFFER, Role.OPERATOR, name)
    policy = Policy('/turret', AccessParameters(operator_offers=('demo/*',)))
    assert allowed(policy.check, Use.OFFER, Role.OPERATOR, '/turret/demo/add')
    assert not allowed(policy.check, Use.OFFER, Role.VIEWER, '/turret/demo/add')


def test_names_in_lists_may_be_absolute() -> None:
    policy = Policy('/turret', AccessParameters(topics=('/other/scan', 'mine')))
    assert allowed(policy.check, Use.SUBSCRIBE, Role.VIEWER, '/other/scan')
    assert allowed(policy.check, Use.SUBSCRIBE, Role.VIEWER, '/turret/mine')
    assert not allowed(policy.check, Use.SUBSCRIBE, Role.VIEWER, '/turret/other/scan')
    nothing = Policy('/turret', AccessParameters(topics=()))
    assert not allowed(nothing.check, Use.SUBSCRIBE, Role.VIEWER, '/turret/status')
