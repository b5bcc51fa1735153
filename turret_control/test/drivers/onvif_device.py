# SPDX-License-Identifier: Apache-2.0
"""An imitated PTZ camera with ONVIF over HTTP: services, digest, spaces, moves that end by themselves, faults."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

_SPACES = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/'
_NAMESPACES = {
    's': 'http://www.w3.org/2003/05/soap-envelope', 'tt': 'http://www.onvif.org/ver10/schema',
    'tds': 'http://www.onvif.org/ver10/device/wsdl', 'trt': 'http://www.onvif.org/ver10/media/wsdl',
    'tptz': 'http://www.onvif.org/ver20/ptz/wsdl', 'ter': 'http://www.onvif.org/ver10/error'}
_WHOLE = {'X': ('-1', '1'), 'Y': ('-1', '1')}


class Space(NamedTuple):
    """A space of the node: the end of its URI, and the text of its ranges; a range that is left out is missing."""

    uri: str
    ranges: dict[str, tuple[str, str]] = _WHOLE


GENERIC = Space('PositionGenericSpace')
DEGREES = Space('SphericalPositionSpaceDegrees', {'X': ('-170', '170'), 'Y': ('-30', '90')})
VELOCITY = Space('VelocityGenericSpace')
VELOCITY_DEGREES = Space('VelocitySpaceDegrees', {'X': ('-60', '60'), 'Y': ('-30', '30')})
SPEED = Space('GenericSpeedSpace', {'X': ('0', '1')})
SPEED_DEGREES = Space('SpeedSpaceDegrees', {'X': ('0', '60')})


class OnvifDevice:
    """A camera that turns by 180 degrees to either side and 90 up and down, at up to 90 and 45 degrees/s.

    Attributes:
        requests: names of the requests so far.
        texts: and their texts.
        absolute, continuous, speeds: spaces of the node; none where a kind of move is not offered.
        default: space of the positions it reports.
        degrees: pan and tilt.
        goals, limits: of the absolute moves so far, and their speeds [degrees, degrees/s].
        silent: requests get no answer.
        without_position, without_ptz, without_space: what it does not report.
        reported: coordinates to report instead of the position.
        move_status: of the newest status; None for what is so, empty for none.
        answers: by request, what to answer instead: status and body.
        delay_s: before each answer.
        prolog: of each answer, in place of none.
        date, year: of its clock, as it reports it, and as it takes it in requests.
    """

    def __init__(self, user: str = 'admin', password: str = 'secret') -> None:
        self.user, self.password = user, password
        self.requests: list[str] = []
        self.texts: list[str] = []
        self.absolute: tuple[Space, ...] = ()
        self.continuous: tuple[Space, ...] = (VELOCITY,)
        self.speeds: tuple[Space, ...] = (SPEED,)
        self.default = GENERIC.uri
        self.silent = self.without_position = self.without_ptz = self.without_space = False
        self.reported: tuple[str, str] | None = None
        self.move_status: str | None = None
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.delay_s = 0.0
        self.prolog = ''
        self.degrees = [0.0, 0.0]
        self.goals: list[tuple[float, float]] = []
        self.limits: list[tuple[float, float]] = []
        self._goal: list[float] | None = None
        self._speed, self._until_s, self._then_s = [0.0, 0.0], 0.0, time.monotonic()
        self._lock = threading.Lock()
        self.year = '2031-'
        self.date = (
            '<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false'
            '</tt:DaylightSavings><tt:UTCDateTime><tt:Time><tt:Hour>12</tt:Hour><tt:Minute>0</tt:Minute>'
            '<tt:Second>0</tt:Second></tt:Time><tt:Date><tt:Year>2031</tt:Year><tt:Month>6</tt:Month><tt:Day>1</tt:Day>'
            '</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>')
        device = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers['Content-Length'])).decode()
                status, body = device.answer(text)
                self.send_response(status)
                self.send_header('Content-Type', 'application/soap+xml; charset=utf-8')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client may have given up
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

    @property
    def moving(self) -> bool:
        with self._lock:
            self._advance()
            return self._goal is not None or (any(self._speed) and time.monotonic() < self._until_s)

    def interrupt(self) -> None:
        """End a move from elsewhere."""
        with self._lock:
            self._advance()
            self._goal, self._until_s = None, 0.0

    def fault(self, reason: str) -> bytes:
        return self._envelope(
            '<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:Action</s:Value></s:Subcode></s:Code>'
            f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>')

    def answer(self, text: str) -> tuple[int, bytes]:
        found = re.search(r'<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)', text)
        assert found is not None
        name = found[1]
        if self.silent:
            time.sleep(0.5)
            return 503, b''
        time.sleep(self.delay_s)
        with self._lock:
            self._advance()
            self.requests.append(name)
            self.texts.append(text)
            if name in self.answers:
                return self.answers[name]
            assert self.user or 'UsernameToken' not in text
            if name != 'GetSystemDateAndTime' and self.user and not self._signed(text):
                return 400, self.fault('Sender not Authorized')
            make: Callable[[str], str] | None = getattr(self, f'_{name}', None)
            if make is None:
                return 500, self.fault('Optional Action Not Implemented')
            prefix = {'ver10/device': 'tds', 'ver10/media': 'trt', 'ver20/ptz': 'tptz'}[
                next(key for key in ('ver10/device', 'ver10/media', 'ver20/ptz') if f'{key}/wsdl' in text)]
            return 200, self._envelope(f'<{prefix}:{name}Response>{make(text)}</{prefix}:{name}Response>')

    def _advance(self) -> None:
        now_s = time.monotonic()
        for i, fastest in enumerate((90.0, 45.0)):
            if self._goal is not None:
                way = self._goal[i] - self.degrees[i]
                step = abs(self._speed[i]) * (now_s - self._then_s)
                self.degrees[i] += max(-step, min(step, way))
            else:
                self.degrees[i] += self._speed[i] * max(0.0, min(now_s, self._until_s) - self._then_s)
            end = 180.0 if fastest == 90.0 else 90.0
            self.degrees[i] = max(-end, min(end, self.degrees[i]))
        if self._goal is not None and self._goal == self.degrees:
            self._goal = None
        self._then_s = now_s

    def _signed(self, text: str) -> bool:
        def of(tag: str) -> str:
            found = re.search(rf'<(?:[\w-]+:)?{tag}(?: [^>]*)?>([^<]*)<', text)
            return found[1] if found else ''

        created = of('Created')
        digest = hashlib.sha1(base64.b64decode(of('Nonce')) + created.encode() + self.password.encode()).digest()
        in_time = created.startswith(self.year)  # the clock of this camera is years ahead
        return of('Username') == self.user and of('Password') == base64.b64encode(digest).decode() and in_time

    def _envelope(self, body: str) -> bytes:
        names = ' '.join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
        return f'{self.prolog}<s:Envelope {names}><s:Body>{body}</s:Body></s:Envelope>'.encode()

    def _GetSystemDateAndTime(self, text: str) -> str:  # noqa: N802
        return self.date

    def _GetCapabilities(self, text: str) -> str:  # noqa: N802
        ptz = '' if self.without_ptz else f'<tt:PTZ><tt:XAddr>{self.address}/ptz</tt:XAddr></tt:PTZ>'
        return (f'<tds:Capabilities><tt:Media><tt:XAddr>{self.address}/media</tt:XAddr><tt:StreamingCapabilities/>'
                f'</tt:Media>{ptz}</tds:Capabilities>')

    def _GetProfiles(self, text: str) -> str:  # noqa: N802
        return ('<trt:Profiles token="fixed"><tt:Name>fixed</tt:Name></trt:Profiles>'
                '<trt:Profiles token="main"><tt:Name>main</tt:Name><tt:PTZConfiguration token="p"><tt:Name>p</tt:Name>'
                '<tt:UseCount>1</tt:UseCount><tt:NodeToken>node</tt:NodeToken>'
                f'<tt:DefaultAbsolutePantTiltPositionSpace>{_SPACES}{self.default}'
                '</tt:DefaultAbsolutePantTiltPositionSpace></tt:PTZConfiguration></trt:Profiles>')

    def _GetNode(self, text: str) -> str:  # noqa: N802
        assert re.search(r'NodeToken>node<', text)
        kinds = (('AbsolutePanTiltPositionSpace', self.absolute), ('ContinuousPanTiltVelocitySpace', self.continuous),
                 ('PanTiltSpeedSpace', self.speeds))
        spaces = ''.join(
            f'<tt:{kind}><tt:URI>{_SPACES}{space.uri}</tt:URI>' + ''.join(
                f'<tt:{axis}Range><tt:Min>{low}</tt:Min><tt:Max>{high}</tt:Max></tt:{axis}Range>'
                for axis, (low, high) in space.ranges.items()) + f'</tt:{kind}>'
            for kind, offered in kinds for space in offered)
        return ('<tptz:PTZNode token="node"><tt:Name>node</tt:Name>'
                f'<tt:SupportedPTZSpaces>{spaces}</tt:SupportedPTZSpaces>'
                '<tt:MaximumNumberOfPresets>0</tt:MaximumNumberOfPresets><tt:HomeSupported>false</tt:HomeSupported>'
                '</tptz:PTZNode>')

    def _GetStatus(self, text: str) -> str:  # noqa: N802
        assert re.search(r'ProfileToken>main<', text)
        position = move = ''
        if not self.without_position:
            x, y = self.reported or self._in_space(self.degrees, self.default)
            space = '' if self.without_space else f' space="{_SPACES}{self.default}"'
            position = f'<tt:Position><tt:PanTilt x="{x}" y="{y}"{space}/></tt:Position>'
        status = self.move_status
        if status is None:
            status = 'MOVING' if self._goal is not None or time.monotonic() < self._until_s else 'IDLE'
        if status:
            move = f'<tt:MoveStatus><tt:PanTilt>{status}</tt:PanTilt></tt:MoveStatus>'
        return f'<tptz:PTZStatus>{position}{move}<tt:UtcTime>2031-06-01T12:00:00Z</tt:UtcTime></tptz:PTZStatus>'

    @staticmethod
    def _in_space(degrees: list[float], uri: str) -> tuple[float, float]:
        if uri.startswith('Spherical'):
            return degrees[0], degrees[1]
        return degrees[0] / 180.0, degrees[1] / 90.0

    def _ContinuousMove(self, text: str) -> str:  # noqa: N802
        x, y, space = self._vector(text, 'Velocity')
        assert space in {offered.uri for offered in self.continuous}
        found = re.search(r'Timeout>PT([\d.]+)S<', text)
        assert found is not None
        in_degrees = space == VELOCITY_DEGREES.uri
        self._speed = [x, y] if in_degrees else [90.0 * x, 45.0 * y]
        self._goal, self._until_s = None, self._then_s + float(found[1])
        return ''

    def _AbsoluteMove(self, text: str) -> str:  # noqa: N802
        x, y, space = self._vector(text, 'Position')
        assert space in {offered.uri for offered in self.absolute}
        self._goal = [x, y] if space.startswith('Spherical') else [180.0 * x, 90.0 * y]
        self.goals.append((self._goal[0], self._goal[1]))
        self._speed = [90.0, 45.0]
        if re.search(r'<(?:[\w-]+:)?Speed>', text):
            speed, other, space = self._vector(text, 'Speed')
            assert space in {offered.uri for offered in self.speeds}
            self._speed = [speed, other] if space == SPEED_DEGREES.uri else [90.0 * speed, 45.0 * other]
        self.limits.append((self._speed[0], self._speed[1]))
        return ''

    def _Stop(self, text: str) -> str:  # noqa: N802
        self._goal, self._until_s = None, 0.0
        return ''

    @staticmethod
    def _vector(text: str, name: str) -> tuple[float, float, str]:
        found = re.search(rf'<(?:[\w-]+:)?{name}>\s*<(?:[\w-]+:)?PanTilt ([^>]*?)/>', text)
        assert found is not None, text
        values = dict(re.findall(r'(\w+)="([^"]*)"', found[1]))
        assert values['space'].startswith(_SPACES), 'the space that is meant is named'
        return float(values['x']), float(values['y']), values['space'].removeprefix(_SPACES)
