# SPDX-License-Identifier: Apache-2.0
"""Where the panel is reached."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from pathlib import Path

import pytest

from turret_bringup.run import panel_address
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import load_tokens, tokens_path
from turret_web.access.tls import make_context
from turret_web.web_parameters import WebParameters


def test_a_free_port_is_accepted_and_stays_free() -> None:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    panel_address.require_free('127.0.0.1', port)
    panel_address.require_free('127.0.0.1', port)


def test_a_port_that_a_person_listens_on_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        with pytest.raises(TurretError, match='is in use') as caught:
            panel_address.require_free('127.0.0.1', taken.getsockname()[1])
    assert caught.value.code == ReasonCode.ALREADY_EXISTS


@pytest.mark.parametrize('host', ['192.0.2.1', 'no.such.host.invalid', 'not an address'])
def test_a_foreign_address_is_refused(host: str) -> None:
    with pytest.raises(TurretError) as caught:
        panel_address.require_free(host, 0)
    assert caught.value.code == ReasonCode.IO_ERROR
    assert host in caught.value.message


def test_reachable_means_that_it_answers() -> None:
    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == '/healthz' else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass
    with http.server.HTTPServer(('127.0.0.1', 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert panel_address.is_reachable('127.0.0.1', server.server_port)
        assert panel_address.is_reachable('0.0.0.0', server.server_port)
        server.shutdown()
    assert not panel_address.is_reachable('127.0.0.1', server.server_port)


def test_reachable_also_with_encryption(tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        context = make_context('self-signed', '', tmp_path / 'web.pem')
        assert context is not None

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with contextlib.suppress(OSError), connection, context.wrap_socket(
                            connection, server_side=True) as encrypted:
                        encrypted.recv(1000)
                        encrypted.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        threading.Thread(target=serve, daemon=True).start()
        assert panel_address.is_reachable('127.0.0.1', listener.getsockname()[1])
    assert panel_address.addresses('127.0.0.1', 8000, {}, tls=True) == ['panel: https://127.0.0.1:8000/']


@pytest.mark.parametrize('file', ['', 'shared.tokens'])
def test_tokens_are_shown_in_a_terminal_only(file: str, tmp_path: Path) -> None:
    tokens_file = file and str(tmp_path / file)
    assert panel_address.sign_in('turret', WebParameters(tokens_file=tokens_file), True) == []
    token = load_tokens(tokens_path('turret', tokens_file)).operator
    wide = WebParameters(host='0.0.0.0', tls_certificate='self-signed', tokens_file=tokens_file)
    shown = panel_address.sign_in('turret', wide, True)
    assert shown[0].startswith('for operators: https://')
    assert token in shown[0]
    assert token not in str(panel_address.sign_in('turret', wide, False))


def test_on_this_machine_there_is_one_address() -> None:
    assert panel_address.addresses('127.0.0.1', 8000, {}) == ['panel: http://127.0.0.1:8000/']
    assert panel_address.addresses('::', 8000, {}) == ['panel: http://[::1]:8000/']


def test_over_ssh_the_way_from_the_other_device_is_shown() -> None:
    ssh = {'SSH_CONNECTION': '10.0.0.2 50000 10.0.0.9 22'}
    tunnel = panel_address.addresses('127.0.0.1', 8000, ssh)[1]
    assert 'ssh -L 8000:127.0.0.1:8000 ' in tunnel
    assert '@10.0.0.9' in tunnel
    assert panel_address.addresses('0.0.0.0', 8000, ssh)[1] == 'from another device: http://10.0.0.9:8000/'
