# SPDX-License-Identifier: Apache-2.0
"""An imitated PTZ camera with ONVIF over HTTP: services, digest, continuous moves that end by themselves."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TT = 'http://www.onvif.org/ver10/schema'


class OnvifDevice:
    """A camera whose speed 1 is 0.5 of its range of -1 to 1 per second.

    Attributes:
        requests: names of the requests so far.
        silent: requests get no answer.
        without_position: the status has no position.
        reported: coordinates to report instead of the position.
        prolog: of each answer, in place of none.
    """

    def __init__(self, user: str = 'admin', password: str = 'secret') -> None:
        self.user, self.password = user, password
        self.requests: list[str] = []
        self.silent = self.without_position = self.without_ptz = False
        self.reported: tuple[str, str] | None = None
        self.prolog = ''
        self.position = [0.0, 0.0]
        self._speed, self._until_s, self._then_s = [0.0, 0.0], 0.0, time.monotonic()
        self._lock = threading.Lock()
        device = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers['Content-Length'])).decode()
                status, body = device.answer(text)
                self.send_response(status)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.address = f'http://127.0.0.1:{self._server.server_port}'
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, text: str) -> tuple[int, bytes]:
        found = re.search(r'<(?:\w+:)?Body>\s*<(\w+)', text)
        assert found is not None
        name = found[1]
        with self._lock:
            if self.silent:
                time.sleep(0.5)
                return 503, b''
            self._advance()
            self.requests.append(name)
            if name != 'GetSystemDateAndTime' and not self._signed(text):
                return 400, self._envelope('<s:Fault><s:Reason>Sender not Authorized</s:Reason></s:Fault>')
            return 200, self._envelope(getattr(self, f'_{name}')(text))

    def _advance(self) -> None:
        now_s = time.monotonic()
        moving_s = max(0.0, min(now_s, self._until_s) - self._then_s)
        for i in (0, 1):
            self.position[i] = max(-1.0, min(1.0, self.position[i] + 0.5 * self._speed[i] * moving_s))
        self._then_s = now_s

    def _signed(self, text: str) -> bool:
        def of(tag: str) -> str:
            found = re.search(rf'<{tag}(?: [^>]*)?>([^<]*)<', text)
            return found[1] if found else ''

        created = of('Created')
        digest = hashlib.sha1(base64.b64decode(of('Nonce')) + created.encode() + self.password.encode()).digest()
        in_time = created.startswith('2031-')  # the clock of this camera is years ahead
        return of('Username') == self.user and of('Password') == base64.b64encode(digest).decode() and in_time

    def _envelope(self, body: str) -> bytes:
        return (f'{self.prolog}<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="{_TT}">'
                f'<s:Body>{body}</s:Body></s:Envelope>').encode()

    def _GetSystemDateAndTime(self, text: str) -> str:  # noqa: N802
        return ('<r><tt:UTCDateTime><tt:Time><tt:Hour>12</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second>'
                '</tt:Time><tt:Date><tt:Year>2031</tt:Year><tt:Month>6</tt:Month><tt:Day>1</tt:Day></tt:Date>'
                '</tt:UTCDateTime></r>')

    def _GetCapabilities(self, text: str) -> str:  # noqa: N802
        ptz = '' if self.without_ptz else f'<tt:PTZ><tt:XAddr>{self.address}/ptz</tt:XAddr></tt:PTZ>'
        return f'<r><tt:Media><tt:XAddr>{self.address}/media</tt:XAddr></tt:Media>{ptz}</r>'

    def _GetProfiles(self, text: str) -> str:  # noqa: N802
        return ('<r xmlns:trt="http://www.onvif.org/ver10/media/wsdl"><trt:Profiles token="fixed"/>'
                '<trt:Profiles token="main"><tt:PTZConfiguration token="p"/></trt:Profiles></r>')

    def _GetStatus(self, text: str) -> str:  # noqa: N802
        assert '<ProfileToken>main</ProfileToken>' in text
        if self.without_position:
            return '<r/>'
        x, y = self.reported or self.position
        return f'<r><tt:Position><tt:PanTilt x="{x}" y="{y}"/></tt:Position></r>'

    def _ContinuousMove(self, text: str) -> str:  # noqa: N802
        found = re.search(r'x="([-\d.]+)" y="([-\d.]+)".*<Timeout>PT([\d.]+)S<', text)
        assert found is not None
        self._speed = [float(found[1]), float(found[2])]
        self._until_s = self._then_s + float(found[3])
        return '<r/>'

    def _Stop(self, text: str) -> str:  # noqa: N802
        self._until_s = 0.0
        return '<r/>'
