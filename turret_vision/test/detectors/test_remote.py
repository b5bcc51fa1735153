# SPDX-License-Identifier: Apache-2.0
"""The remote detector against a server of our own: good answers, bad ones, none, and hosts that are not allowed."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import make_view
from turret_vision.detectors.remote import RemoteDetector, RemoteParameters

GOOD = {'x': 50.0, 'y': 40.0, 'width': 20.0, 'height': 10.0, 'class': 'balloon', 'confidence': 0.9}
VIEW = make_view(np.full((120, 160, 3), 90, np.uint8), 0.0)


class Server(ThreadingHTTPServer):
    """Answers each request with what the test sets."""

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.answer: Any = {'predictions': [GOOD]}
        self.status = 200
        self.trickle_s = 0.0
        self.location = ''
        self.requests: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f'http://127.0.0.1:{self.server_address[1]}'


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.requests.append((self.path, body))
        raw = self.server.answer if isinstance(self.server.answer, bytes) else json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header('Location', self.server.location)
        self.send_header('Content-Length', str(len(raw)))
        self.end_headers()
        try:
            if self.server.trickle_s:
                for byte in raw:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(self.server.trickle_s)
            else:
                self.wfile.write(raw)
        except OSError:
            pass  # the detector gave up, as it should

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def detector(server: Server, **changes: Any) -> RemoteDetector:
    return RemoteDetector(RemoteParameters(**{'url': server.url, 'model': 'balloons/3', 'timeout_s': 2.0, **changes}))


def test_an_image_is_sent_and_its_boxes_are_returned(server: Server, tmp_path: Path) -> None:
    (tmp_path / 'key').write_text('sesame\n')
    (found,) = detector(server, key_file=str(tmp_path / 'key')).detect(VIEW)
    assert (found.class_id, found.confidence) == ('balloon', 0.9)
    assert found.box == (49.5, 39.5, 20.0, 10.0)
    path, body = server.requests[0]
    assert path == '/balloons/3?confidence=0.5&api_key=sesame'
    image = cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == VIEW.image.shape


def test_weak_and_invalid_predictions_are_ignored(server: Server) -> None:
    server.answer = {'predictions': [
        {**GOOD, 'confidence': 0.2}, {**GOOD, 'width': -1.0}, {**GOOD, 'x': float('nan')}, {**GOOD, 'confidence': 7.0}]}
    assert detector(server).detect(VIEW) == []


@pytest.mark.parametrize('answer', [
    b'no json', b'[]', {'predictions': [{'x': 1.0}]}, {'else': 1}, b'"' + b'x' * (1 << 21)])
def test_an_invalid_response_is_refused(server: Server, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(TurretError, match='invalid response') as refused:
        detector(server).detect(VIEW)
    assert refused.value.code == ReasonCode.DETECTOR_FAILED


def test_a_redirection_is_not_followed(server: Server) -> None:
    server.status, server.location = 307, 'http://example.invalid/'
    with pytest.raises(TurretError, match='307'):
        detector(server).detect(VIEW)
    assert len(server.requests) == 1


def test_a_response_that_is_too_slow_is_aborted(server: Server) -> None:
    server.trickle_s = 0.03
    began = time.monotonic()
    with pytest.raises(TurretError):
        detector(server, timeout_s=0.3).detect(VIEW)
    assert time.monotonic() - began < 1.5


def test_a_missing_server_is_reported_without_the_key(server: Server, tmp_path: Path) -> None:
    (tmp_path / 'key').write_text('sesame')
    absent = detector(server, url='http://127.0.0.1:9', key_file=str(tmp_path / 'key'))
    with pytest.raises(TurretError) as refused:
        absent.detect(VIEW)
    assert 'sesame' not in refused.value.message


@pytest.mark.parametrize('changes', [
    {'url': 'http://192.0.2.7:9001'}, {'url': 'http://127.0.0.1.example.invalid'}, {'url': 'file:///etc/hostname'},
    {'url': 'http://'}, {'model': ''}, {'key_file': '/does/not/exist'},
])
def test_an_incomplete_configuration_does_not_start(changes: dict[str, str]) -> None:
    with pytest.raises(TurretError) as refused:
        RemoteDetector(RemoteParameters(**{'model': 'balloons/3', **changes}))  # type: ignore[arg-type]
    assert refused.value.code == ReasonCode.DETECTOR_FAILED
