# SPDX-License-Identifier: Apache-2.0
"""Who comes in, and from where: tokens, sessions, roles, hosts, origins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from web_testing import FakeGateway, on_loop, serving

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_web.access.access import SESSION_S, Access, Tokens, load_tokens, qr_code, rotate_tokens
from turret_web.access.hosts import Hosts, check_origin, is_loopback
from turret_web.access.policy import Role
from turret_web.web_parameters import AccessParameters

EVIL = 'http://evil.example'


@pytest.fixture
def gateway() -> FakeGateway:
    gateway = FakeGateway()
    for service in ('/turret/safety/stop', '/turret/laser/arm'):
        gateway.serve(service, lambda values: {'sum': 1})
    return gateway


def tokens() -> Tokens:
    return load_tokens(state_dir('turret') / 'web.tokens')


# --- over HTTP, on a wide address ---


@on_loop
async def test_a_wide_address_lets_no_one_in_without_a_token(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        for path in ('/session', '/config.json', '/api/status', '/stream?topic=/x', '/rosbridge', '/metrics',
                     '/media/x', '/bags/x', '/api/clients'):
            assert (await door.get(path))[0] == 401, path
        assert (await door.request('POST', '/api/safety/stop'))[0] == 401
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await door.connect().__aenter__()
        assert (await door.get('/'))[0] == 303
        assert (await door.get('/healthz'))[0] == 200
        assert b'<form' in (await door.get('/sign-in'))[1]
        assert gateway.calls == []


@on_loop
async def test_a_token_in_the_address_makes_a_session(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        async with door.session.get(
                f'{door.url}/sign-in?token={tokens().operator}', allow_redirects=False) as response:
            assert (response.status, response.headers['Location']) == (303, '/')
            cookie = response.headers['Set-Cookie']
            assert 'HttpOnly' in cookie
            assert 'SameSite=Lax' in cookie
            assert tokens().operator not in cookie
        assert (await door.get('/session'))[1]['role'] == 'operator'
        async with door.connect() as client:
            await client.settle()
        rotate_tokens(state_dir('turret') / 'web.tokens')
        assert (await door.get('/session'))[0] == 401


@on_loop
async def test_a_viewer_looks_and_stops_but_does_nothing_else(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0', access=AccessParameters(operator_topics=('demo/*',))) as door:
        async with door.session.post(f'{door.url}/sign-in', data={'token': tokens().viewer}, allow_redirects=False):
            pass
        assert await door.get('/session') == (200, {'role': 'viewer'})
        assert (await door.request('POST', '/api/safety/stop'))[0] == 200
        status, answer = await door.request('POST', '/api/laser/arm')
        assert (status, answer['message']) == (403, 'only an operator may call service /turret/laser/arm')
        async with door.connect() as client:
            call = await client.ask(op='call_service', service='/turret/laser/arm')
            assert (call['result'], call['values']) == (False, 'only an operator may call service /turret/laser/arm')
            assert 'only an operator may publish' in await client.error(
                op='publish', topic='/turret/demo/note', msg={})
            goal = await client.ask(
                op='send_action_goal', action='/turret/gimbal/home', action_type='a/action/B')
            assert 'only an operator may use' in goal['values']
        assert [name for name, _ in gateway.calls] == ['/turret/safety/stop']
        await door.request('POST', '/sign-out')
        assert (await door.get('/session'))[0] == 401


@on_loop
async def test_a_wrong_token_is_refused_slowly(gateway: FakeGateway, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        started = asyncio.get_running_loop().time()
        assert (await door.request('POST', '/sign-in', data={'token': 'guess'}))[0] == 401
        assert asyncio.get_running_loop().time() - started > 0.9
        assert 'wrong token from 127.0.0.1' in caplog.text
        assert (await door.get('/session'))[0] == 401


@on_loop
async def test_programs_show_the_token_in_a_header_or_the_query(gateway: FakeGateway) -> None:
    async with serving(gateway, host='0.0.0.0') as door:
        bearer = {'Authorization': f'Bearer {tokens().viewer}'}
        assert (await door.get('/session', headers=bearer))[1] == {'role': 'viewer'}
        assert (await door.get(f'/session?token={tokens().operator}'))[1]['role'] == 'operator'
        assert (await door.get('/session', headers={'Authorization': 'Bearer nothing'}))[0] == 401


@on_loop
async def test_the_secret_of_operators_is_for_operators(gateway: FakeGateway) -> None:
    write_atomically(state_dir('turret') / 'operator.secret', b's3cret', mode=0o600)
    async with serving(gateway, host='0.0.0.0') as door:
        assert 's3cret' not in str(await door.get(f'/session?token={tokens().viewer}'))
        assert 's3cret' in str(await door.get(f'/session?token={tokens().operator}'))


@on_loop
async def test_bags_are_for_operators(gateway: FakeGateway) -> None:
    folder = state_dir('turret') / 'bags' / 'a'
    folder.mkdir(parents=True)
    (folder / 'metadata.yaml').write_bytes(b'x')
    async with serving(gateway, host='0.0.0.0') as door:
        assert (await door.get(f'/bags/a?token={tokens().viewer}'))[0] == 403
        assert (await door.get(f'/bags/a?token={tokens().operator}'))[0] == 200


# --- from where ---


@pytest.mark.parametrize(('path', 'method'), [
    ('/session', 'GET'), ('/api/safety/stop', 'POST'), ('/rosbridge', 'GET'), ('/stream?topic=/x', 'GET'),
    ('/config.json', 'GET'), ('/sign-in', 'POST'), ('/media/x', 'GET'), ('/bags/x', 'GET')])
@on_loop
async def test_pages_of_other_sites_are_refused(path: str, method: str) -> None:
    gateway = FakeGateway()
    gateway.serve('/turret/safety/stop', lambda values: {'sum': 1})
    async with serving(gateway) as door:
        for headers in (
                {'Origin': EVIL}, {'Origin': 'null'}, {'Sec-Fetch-Site': 'cross-site'},
                {'Sec-Fetch-Site': 'same-site'}, {'Host': 'evil.example'},
                {'Host': f'evil.example:{door.server.address[1]}', 'Origin': EVIL},
                {'Origin': EVIL, 'Sec-Fetch-Mode': 'navigate'} if method == 'POST' else {'Origin': EVIL}):
            status, answer = await door.request(method, path, headers=headers)
            assert (status, answer['code']) == (403, 501), headers
    assert gateway.calls == []


@on_loop
async def test_a_link_from_another_site_may_be_followed(gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / 'index.html').write_text('panel')
    async with serving(gateway, tmp_path) as door:
        visit = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}
        assert await door.get('/', headers=visit) == (200, b'panel')


@on_loop
async def test_listed_sites_may_use_the_server(gateway: FakeGateway) -> None:
    async with serving(gateway, allowed_origins=('https://robots.example',)) as door:
        headers = {'Origin': 'https://robots.example', 'Sec-Fetch-Site': 'cross-site'}
        async with door.session.get(f'{door.url}/session', headers=headers) as response:
            assert response.status == 200
            assert response.headers['Access-Control-Allow-Origin'] == 'https://robots.example'
        async with door.session.options(f'{door.url}/api/safety/stop', headers=headers) as response:
            assert response.status == 204
            assert 'POST' in response.headers['Access-Control-Allow-Methods']
        async with door.session.get(f'{door.url}/session') as response:
            assert 'Access-Control-Allow-Origin' not in response.headers


@pytest.mark.parametrize(('header', 'ours'), [
    ('127.0.0.1:8000', True), ('127.0.0.2', True), ('localhost:8000', True), ('LocalHost', True), ('[::1]:8000', True),
    ('turret.lan', True), ('evil.example', False), ('127.0.0.1.evil.example', False), ('192.168.1.5:8000', False),
    ('', False), ('[', False), ('localhost@evil.example', False)])
def test_hosts_of_a_loopback_server(header: str, ours: bool) -> None:
    assert Hosts('127.0.0.1', ['Turret.lan']).is_ours(header) is ours


@pytest.mark.parametrize(('header', 'ours'), [
    ('192.168.1.5:8000', True), ('[fe80::1]:8000', True), ('localhost', True), ('evil.example', False)])
def test_hosts_of_a_wide_server(header: str, ours: bool) -> None:
    assert Hosts('0.0.0.0', []).is_ours(header) is ours


def test_what_is_loopback() -> None:
    assert [is_loopback(host) for host in ('127.0.0.1', '127.9.9.9', '::1', 'localhost')] == [True] * 4
    assert [is_loopback(host) for host in ('0.0.0.0', '::', '', '192.168.0.1', 'robot')] == [False] * 5


@pytest.mark.parametrize(('origin', 'site', 'good'), [
    ('', '', True), ('', 'same-origin', True), ('', 'none', True), ('', 'cross-site', False),
    ('http://localhost:8000', 'same-origin', True), ('http://localhost:8001', '', False), ('null', '', False),
    ('https://robots.example', 'cross-site', True), ('https://robots.example.evil', '', False)])
def test_origins(origin: str, site: str, good: bool) -> None:
    try:
        check_origin(origin, site, 'localhost:8000', ['https://robots.example'])
    except TurretError:
        assert not good
    else:
        assert good


# --- tokens and sessions by themselves ---


def test_tokens_are_private_and_stay(tmp_path: Path) -> None:
    path = tmp_path / 'web.tokens'
    first = load_tokens(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_tokens(path) == first
    assert rotate_tokens(path) != first
    path.write_text('{"version": 1, "data": {"operator": "x", "viewer": "y"}}')
    with pytest.raises(TurretError, match='shorter'):
        load_tokens(path)
    path.write_text('nonsense')
    with pytest.raises(TurretError, match='is not valid'):
        load_tokens(path)


def test_tokens_that_other_users_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'web.tokens'
    load_tokens(path)
    path.chmod(0o644)
    with pytest.raises(TurretError, match='can be read by other users'):
        load_tokens(path)


def test_a_session_is_good_until_it_ends_and_cannot_be_changed(tmp_path: Path) -> None:
    access = Access(tmp_path / 'web.tokens', 8000)

    def role(session: Any, now: float = 1000.0) -> Role | None:
        grant = access.grant([f'turret_8000={session}'], '', '', now)
        return grant and grant.role
    given, session = access.new_session(load_tokens(tmp_path / 'web.tokens').viewer, 1000.0)
    assert given is Role.VIEWER
    assert role(session) is Role.VIEWER
    assert role(session, 1000.0 + SESSION_S - 1.0) is Role.VIEWER
    assert role(session, 1000.0 + SESSION_S) is None
    assert role(session.replace('viewer', 'operator')) is None
    for broken in ('', '.', '..', 'viewer', session[:-1], session + '0', 'é.1.2'):
        assert role(broken) is None


def test_servers_with_the_same_tokens_share_sessions_and_their_ends(tmp_path: Path) -> None:
    turret, replay = (Access(tmp_path / 'web.tokens', port) for port in (8000, 8100))
    other = Access(tmp_path / 'other.tokens', 8100)
    tokens = load_tokens(tmp_path / 'web.tokens')
    operator, viewer = (turret.new_session(token, 1000.0)[1] for token in (tokens.operator, tokens.viewer))
    grant = replay.grant([f'turret_8000={operator}; elsewhere=x'], '', '', 1000.0)
    assert grant is not None
    assert grant.role is Role.OPERATOR
    assert other.grant([f'turret_8000={operator}'], '', '', 1000.0) is None
    assert replay.grant([f'else_8000={operator}'], '', '', 1000.0) is None
    # That of the own port comes first, and a broken one is ignored.
    for own, role in ((viewer, Role.VIEWER), ('broken', Role.OPERATOR)):
        both = replay.grant([f'turret_8000={operator}; turret_8100={own}'], '', '', 1000.0)
        assert both is not None
        assert both.role is role
    # Who signs out at one has signed out at both; the ends of several sessions are kept beside each other.
    replay.end_session(grant, 1000.0)
    assert turret.grant([f'turret_8000={operator}'], '', '', 1000.0) is None
    assert not turret.is_valid(grant, 1000.0)
    ended = turret.grant([f'turret_8000={viewer}'], '', '', 1000.0)
    assert ended is not None
    turret.end_session(ended, 1000.0)
    for later in (replay, turret, Access(tmp_path / 'web.tokens', 8200)):
        assert [later.grant(
            [f'turret_8000={session}'], '', '', 1000.0) for session in (operator, viewer)] == [None, None]


@on_loop
async def test_the_tokens_may_be_in_a_file_of_another_name(gateway: FakeGateway, tmp_path: Path) -> None:
    shared = load_tokens(tmp_path / 'shared.tokens')
    async with serving(gateway, host='0.0.0.0', tokens_file=str(tmp_path / 'shared.tokens')) as door:
        assert (await door.get('/session', headers={'Authorization': f'Bearer {shared.operator}'}))[0] == 200
        assert not (state_dir('turret') / 'web.tokens').exists()


def test_the_way_in_is_a_qr_code_that_a_reader_reads() -> None:
    import cv2
    import numpy as np
    pytest.importorskip('segno')
    url = 'http://192.168.1.5:8000/sign-in?token=abcdefghijklmnopqrstuvwxyz012345'
    lines = qr_code(url).splitlines()
    shades = {' ': (0, 0), '\u2580': (255, 0), '\u2584': (0, 255), '\u2588': (255, 255)}
    rows = [[shades[sign][half] for sign in line] for line in lines for half in (0, 1)]
    width = max(map(len, rows))
    image = np.array([row + [255] * (width - len(row)) for row in rows], np.uint8)
    large = cv2.resize(image, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    text, *_ = cv2.QRCodeDetector().detectAndDecode(large)
    assert text == url


@on_loop
async def test_encrypted_with_a_certificate_of_our_own(gateway: FakeGateway) -> None:
    async with serving(gateway, tls_certificate='self-signed') as door:
        url = door.url.replace('http:', 'https:')
        async with door.session.get(f'{url}/healthz', ssl=False) as response:
            assert response.status == 200
        assert (state_dir('turret') / 'web.pem').stat().st_mode & 0o777 == 0o600
    with pytest.raises(TurretError, match=r'certificate /none\.pem'):
        async with serving(gateway, tls_certificate='/none.pem'):
            pass


@on_loop
async def test_one_of_several_cookies_of_our_name_may_be_the_session(gateway: FakeGateway) -> None:
    """A browser sends a second one of an old path or of another turret that had the same port."""
    async with serving(gateway, host='0.0.0.0') as door:
        async with door.session.post(
                f'{door.url}/sign-in', data={'token': tokens().viewer}, allow_redirects=False) as answer:
            good = answer.cookies['turret_0'].OutputString().partition(';')[0]
        door.session.cookie_jar.clear()
        for cookie in (good, f'turret_0=x; {good}', f'{good}; turret_0=x', f'a={{"b": [1, 2]}}; {good};turret_0',
                       good.replace('=', '="') + '"', f'é=1; {good}'):
            assert await door.get('/session', headers={'Cookie': cookie}) == (200, {'role': 'viewer'}), cookie
        for cookie in (f'x{good}', good.replace('viewer', 'operator'), f'{good}0', 'turret_0', 'turret_0='):
            assert (await door.get('/session', headers={'Cookie': cookie}))[0] == 401, cookie
