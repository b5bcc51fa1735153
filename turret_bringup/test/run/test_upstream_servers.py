# SPDX-License-Identifier: Apache-2.0
"""The upstream servers behind the web gateway: loopback, a secret path, and the web gateway's own lists."""

import dataclasses
import fnmatch

import pytest

from turret_bringup.run import upstream_servers
from turret_common.errors import TurretError
from turret_web.web_parameters import AccessParameters, WebParameters

WEB = WebParameters(bridge='rosbridge_suite', video='web_video_server')


def parameters(web: WebParameters = WEB, namespace: str = 'turret') -> dict[str, dict[str, object]]:
    nodes = [*upstream_servers.bridge_nodes(web, namespace, '/secret'), *upstream_servers.video_nodes(web)]
    return {node.name: node.parameters for node in nodes}


def globs(name: str, web: WebParameters = WEB, namespace: str = 'turret') -> list[str]:
    """Read a list as rosbridge_suite does."""
    text = str(parameters(web, namespace)['rosbridge_websocket'][name])
    return [element.strip().strip("'") for element in text[1:-1].split(',') if element.strip().strip("'")]


def passes(names: list[str], name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in names)


def test_none_is_started_unless_asked_for() -> None:
    assert not parameters(WebParameters())
    assert not parameters(WebParameters(bridge='none', video='none'))
    assert set(parameters()) == {'rosbridge_websocket', 'rosapi', 'web_video_server'}


def test_they_listen_where_the_web_gateway_looks_for_them() -> None:
    web = dataclasses.replace(
        WEB, bridge_upstream='ws://127.0.0.1:9191/base', video_upstream='http://127.0.0.1:8181')
    bridge, video = (parameters(web)[name] for name in ('rosbridge_websocket', 'web_video_server'))
    assert (bridge['address'], bridge['port'], bridge['url_path']) == ('127.0.0.1', 9191, '/base/secret')
    assert (video['address'], video['port']) == ('127.0.0.1', 8181)


@pytest.mark.parametrize('address', ['//0.0.0.0:9090', '//192.0.2.1:9090', '//:9090', '//robot.local:9090'])
def test_they_never_listen_wider_than_this_machine(address: str) -> None:
    with pytest.raises(TurretError, match='not an address of a server on this machine'):
        parameters(dataclasses.replace(WEB, bridge_upstream=f'ws:{address}'))
    with pytest.raises(TurretError, match='not an address of a server on this machine'):
        parameters(dataclasses.replace(WEB, video_upstream=f'http:{address}'))


def test_the_path_cannot_be_guessed() -> None:
    first, second = (upstream_servers.secret_path() for _ in range(2))
    assert first != second
    assert first.startswith('/')
    assert len(first) > 32


def test_the_lists_are_those_of_the_web_gateway() -> None:
    topics, services = globs('topics_glob'), globs('services_glob')
    for name in ('/turret/status', '/turret/laser/state', '/diagnostics'):
        assert passes(topics, name)
    for name in ('/turret/gimbal/set_home/x', '/turret/safety/fire_grant', '/cmd_vel', '/other/status'):
        assert not passes(topics, name)
    for name in ('/turret/safety/stop', '/turret/laser/arm', '/turret/controller/set_parameters'):
        assert passes(services, name)
    assert not passes(services, '/other/laser/arm')
    assert passes(globs('params_glob'), '/turret/vision:method')
    assert not passes(globs('params_glob'), '/turret/safety:zone_margin')


def test_they_follow_the_namespace() -> None:
    assert passes(globs('topics_glob', namespace='left'), '/left/status')
    assert not passes(globs('topics_glob', namespace='left'), '/turret/status')


def test_an_empty_list_allows_nothing() -> None:  # rosbridge_suite takes an empty one for "everything"
    web = dataclasses.replace(WEB, access=AccessParameters(topics=(), operator_topics=(), parameters=()))
    for name in ('topics_glob', 'params_glob'):
        assert globs(name, web)
        assert not passes(globs(name, web), '/turret/status')
