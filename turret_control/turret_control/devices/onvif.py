# SPDX-License-Identifier: Apache-2.0
"""The few requests of ONVIF that move a PTZ camera: profiles, continuous move, stop and status.

Written with the standard library: ``onvif-zeep-async`` (4.3.0) needs about twenty packages and parses the whole WSDL at
each start, for five fixed requests. Requests carry a UsernameToken with a password digest (WS-Security), dated by the
clock of the camera, because cameras refuse dates that are off.

Sources: ONVIF Core, Media and PTZ service specifications. Positions and speeds are in the generic spaces, -1 to 1.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import time
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime, timezone
from xml.sax.saxutils import escape

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_SOAP = 'http://www.w3.org/2003/05/soap-envelope'
_DEVICE = 'http://www.onvif.org/ver10/device/wsdl'
_MEDIA = 'http://www.onvif.org/ver10/media/wsdl'
_PTZ = 'http://www.onvif.org/ver20/ptz/wsdl'
_SCHEMA = 'http://www.onvif.org/ver10/schema'
_WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'
_WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'
_DIGEST = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest'
_MAX_ANSWER = 1 << 20
_END = 1.01  # of positions, as cameras round


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Return the digest of WS-Security: base64 of SHA-1 of nonce, date and password."""
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()


class OnvifCamera:
    """A PTZ camera. Not for several threads at once.

    Every method raises TurretError: DRIVER_FAULT, the camera does not answer or refuses.
    """

    def __init__(self, url: str, user: str, password: str, timeout_s: float) -> None:
        """Talk to the device service at ``url``; :meth:`connect` begins."""
        self._user, self._password, self._timeout_s = user, password, timeout_s
        self._device = url
        self._ptz = self._profile = ''
        self._offset_s = 0.0  # of the clock of the camera
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def connect(self) -> None:
        """Read the clock and the services, and choose the first profile that can be moved."""
        answer = self._send(self._device, f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>', signed=False)
        self._offset_s = _clock_offset(answer)
        answer = self._send(
            self._device, f'<GetCapabilities xmlns="{_DEVICE}"><Category>All</Category></GetCapabilities>')
        addresses = {
            name: found.text or '' for name in ('Media', 'PTZ')
            if (found := answer.find(f'.//{{{_SCHEMA}}}{name}/{{{_SCHEMA}}}XAddr')) is not None}
        if 'PTZ' not in addresses or 'Media' not in addresses:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera at {self._device} cannot be moved by ONVIF')
        self._ptz = addresses['PTZ']
        answer = self._send(addresses['Media'], f'<GetProfiles xmlns="{_MEDIA}"/>')
        tokens = [
            profile.get('token', '') for profile in answer.iter(f'{{{_MEDIA}}}Profiles')
            if profile.find(f'{{{_SCHEMA}}}PTZConfiguration') is not None]
        if not tokens:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'no profile of the camera has a PTZ configuration')
        self._profile = tokens[0]

    def position(self) -> tuple[float, float]:
        """Return pan and tilt, -1 to 1."""
        answer = self._send(self._ptz, self._request('GetStatus', ''))
        found = answer.find(f'.//{{{_SCHEMA}}}Position/{{{_SCHEMA}}}PanTilt')
        if found is None:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'the camera does not report its position')
        x, y = found.get('x', ''), found.get('y', '')
        try:
            position = float(x), float(y)
        except ValueError as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, 'the position of the camera is not a number') from error
        if not all(abs(value) <= _END for value in position):  # nor not finite
            raise TurretError(
                ReasonCode.DRIVER_FAULT, f'the camera reports the position ({x}, {y}), which is not between -1 and 1')
        return position

    def move(self, pan: float, tilt: float, duration_s: float) -> None:
        """Move at speeds of -1 to 1; the camera stops by itself after ``duration_s``."""
        self._send(self._ptz, self._request(
            'ContinuousMove', f'<Velocity><PanTilt xmlns="{_SCHEMA}" x="{pan:.4f}" y="{tilt:.4f}"/></Velocity>'
            f'<Timeout>PT{duration_s:.1f}S</Timeout>'))

    def stop(self) -> None:
        """Stop pan and tilt."""
        self._send(self._ptz, self._request('Stop', '<PanTilt>true</PanTilt><Zoom>true</Zoom>'))

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _request(self, name: str, content: str) -> str:
        return f'<{name} xmlns="{_PTZ}"><ProfileToken>{escape(self._profile)}</ProfileToken>{content}</{name}>'

    def _send(self, url: str, body: str, signed: bool = True) -> ET.Element:
        header = self._security() if signed and self._user else ''
        envelope = (
            f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_SOAP}"><s:Header>{header}</s:Header>'
            f'<s:Body>{body}</s:Body></s:Envelope>').encode()
        parts = urllib.parse.urlsplit(url)
        try:
            with self._connection(parts) as connection:
                connection.request('POST', parts.path or '/', envelope, {
                    'Content-Type': 'application/soap+xml; charset=utf-8'})
                answer = connection.getresponse()
                text = answer.read(_MAX_ANSWER)
            tree = ET.fromstring(text)
        except (OSError, http.client.HTTPException, ET.ParseError, ValueError, LookupError) as error:
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera at {url} does not answer: {error}') from error
        fault = tree.find(f'.//{{{_SOAP}}}Fault')
        if fault is not None or answer.status >= http.HTTPStatus.BAD_REQUEST:
            reason = ' '.join(''.join(fault.itertext()).split()) if fault is not None else str(answer.status)
            raise TurretError(ReasonCode.DRIVER_FAULT, f'the camera refuses: {reason}')
        return tree

    @contextlib.contextmanager
    def _connection(self, parts: urllib.parse.SplitResult) -> Iterator[http.client.HTTPConnection]:
        """Give the connection to a host, which is kept unless something fails on it."""
        kind = http.client.HTTPSConnection if parts.scheme == 'https' else http.client.HTTPConnection
        connection = self._connections.setdefault(
            parts.netloc, kind(parts.hostname or '', parts.port, timeout=self._timeout_s))
        try:
            yield connection
        except Exception:
            connection.close()
            self._connections.pop(parts.netloc, None)
            raise

    def _security(self) -> str:
        nonce = os.urandom(16)
        created = datetime.fromtimestamp(time.time() + self._offset_s, timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
        return (
            f'<Security xmlns="{_WSSE}"><UsernameToken><Username>{escape(self._user)}</Username>'
            f'<Password Type="{_DIGEST}">{password_digest(nonce, created, self._password)}</Password>'
            f'<Nonce>{base64.b64encode(nonce).decode()}</Nonce><Created xmlns="{_WSU}">{created}</Created>'
            '</UsernameToken></Security>')


def _clock_offset(answer: ET.Element) -> float:
    """Return by how much the clock of a camera is ahead of ours [s]; 0 where it reports no time."""
    found = answer.find(f'.//{{{_SCHEMA}}}UTCDateTime')
    if found is None:
        return 0.0
    try:
        values = [
            int(found.findtext(f'{{{_SCHEMA}}}{group}/{{{_SCHEMA}}}{name}', ''))
            for group, name in (('Date', 'Year'), ('Date', 'Month'), ('Date', 'Day'),
                                ('Time', 'Hour'), ('Time', 'Minute'), ('Time', 'Second'))]
        year, month, day, hour, minute, second = values
        moment = datetime(year, month, day, hour, minute, min(59, second), tzinfo=timezone.utc)
    except ValueError:
        return 0.0
    return moment.timestamp() - time.time()
