# SPDX-License-Identifier: Apache-2.0
"""Turrets of a fleet: their status, newest image and stop, over ROS in the own domain and over HTTP elsewhere."""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

import aiohttp

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.fleet.fleet_file import FleetEntry
from turret_web.gateway.gateway import Gateway
from turret_web.gateway.latest_message import LatestMessage
from turret_web.names import InterfaceType, RosName

STATUS_TYPE = InterfaceType('turret_msgs/msg/TurretStatus', 'msg')
_IMAGE_TYPE = InterfaceType('sensor_msgs/msg/CompressedImage', 'msg')
_STOP_TYPE = InterfaceType('turret_msgs/srv/Stop', 'srv')

#: Maximum age of a status that counts as live, time for one answer, maximum age of an answer that is used again [s].
_STATUS_AGE_S = 1.5
_ANSWER_S = 2.0
_REUSED_S = 0.4
#: Maximum sizes of answers of other gateways [bytes].
_MAX_STATUS, _MAX_IMAGE = 1_000_000, 4_000_000


class Member(Protocol):
    """One turret."""

    @property
    def url(self) -> str:
        """Address of its panel; empty = unknown."""

    async def status(self) -> Mapping[str, Any]:
        """Return its newest ``TurretStatus``. Raises TurretError where it does not answer."""

    async def image(self) -> bytes:
        """Return its newest image as JPEG. Raises TurretError where there is none."""

    async def stop(self, reason: str) -> None:
        """Stop it. Raises TurretError where it did not confirm."""

    async def close(self) -> None:
        """Free what it uses."""


def summary(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a ``TurretStatus`` that a fleet view shows."""
    def section(name: str) -> Mapping[str, Any]:
        found = status.get(name)
        return found if isinstance(found, dict) else {}

    faults = status.get('faults')
    return {
        'backend': status.get('backend'), 'mode': section('controller').get('mode'),
        'tracking': section('controller').get('tracking'), 'laser': section('laser').get('state'),
        'motion_ok': section('safety').get('motion_ok'), 'laser_ok': section('safety').get('laser_ok'),
        'stopped': section('safety').get('software_stop'), 'operator': section('safety').get('operator_name'),
        'faults': [
            {'node': str(fault.get('node', '')), 'message': str(fault.get('message', ''))}
            for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []}


class DomainMember:
    """A turret in the ROS domain of this gateway."""

    def __init__(self, gateway: Gateway, namespace: str, url: str = '') -> None:
        """Create it without subscribing; ``namespace`` is absolute."""
        self.url = url
        self._gateway, self._namespace = gateway, namespace
        self._statuses = LatestMessage(gateway, RosName(f'{namespace}/status'), STATUS_TYPE, _STATUS_AGE_S)
        self._images = LatestMessage(
            gateway, RosName(f'{namespace}/camera/image_raw/compressed'), _IMAGE_TYPE, _STATUS_AGE_S)

    async def status(self) -> Mapping[str, Any]:
        """Return the newest status."""
        return self._gateway.message(STATUS_TYPE).to_json(await self._statuses.get(_ANSWER_S))

    async def image(self) -> bytes:
        """Return the newest image."""
        return bytes(self._gateway.message(_IMAGE_TYPE).to_cbor(await self._images.get(_ANSWER_S))['data'])

    async def stop(self, reason: str) -> None:
        """Call the service of its safety node."""
        codec = self._gateway.service(_STOP_TYPE)
        answer = codec.response.to_json(await self._gateway.call(
            RosName(f'{self._namespace}/safety/stop'), _STOP_TYPE, codec.request.encode({'reason': reason}, 0),
            _ANSWER_S))
        _require_success(answer)

    async def close(self) -> None:
        """Unsubscribe."""
        await self._statuses.close()
        await self._images.close()


class HttpMember:
    """A turret behind its own web gateway. Its token stays in this process."""

    def __init__(self, entry: FleetEntry, answer_s: float = _ANSWER_S) -> None:
        """Create it without connecting; ``answer_s`` is the maximum time for one answer [s]."""
        self.url = entry.url
        self._answer_s = answer_s
        self._entry = entry
        self._session: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._newest: tuple[float, Mapping[str, Any]] = (-math.inf, {})

    async def status(self) -> Mapping[str, Any]:
        """Return the newest status; requests at the same time share one answer."""
        async with self._lock:
            at, status = self._newest
            if time.monotonic() - at > _REUSED_S:
                status = _as_object(await self._request('GET', '/api/status', _MAX_STATUS))
                self._newest = time.monotonic(), status
            return status

    async def image(self) -> bytes:
        """Return the newest image."""
        config = _as_object(await self._request('GET', '/config.json', _MAX_STATUS))
        topics = config.get('topics')
        topic = topics.get('image') if isinstance(topics, dict) else None
        if not isinstance(topic, str):
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'{self.url} is not a turret')
        image = await self._request('GET', '/snapshot', _MAX_IMAGE, params={'topic': topic, 'width': '320'})
        if not image.startswith(b'\xff\xd8'):
            raise TurretError(ReasonCode.NOT_SUPPORTED, f'{self.url} did not answer with a JPEG image')
        return image

    async def stop(self, reason: str) -> None:
        """Call ``safety/stop``, which every role may."""
        _require_success(_as_object(await self._request(
            'POST', '/api/safety/stop', _MAX_STATUS, data=fast_json.dumps({'reason': reason}),
            headers={'Content-Type': 'application/json'})))

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    async def _request(self, method: str, path: str, limit: int, **options: Any) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._answer_s), cookie_jar=aiohttp.DummyCookieJar(),
                headers={'Authorization': f'Bearer {self._entry.token}'} if self._entry.token else {},
                connector=aiohttp.TCPConnector(ssl=self._tls(), limit=4))
        try:
            async with self._session.request(
                    method, f'{self.url}{path}', allow_redirects=False, **options) as response:
                body = await response.content.read(limit + 1)
                while len(body) <= limit and (more := await response.content.read(limit)):
                    body += more
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise TurretError(
                ReasonCode.NOT_READY, f'{self.url} does not answer: {str(error) or type(error).__name__}') from None
        if response.status in (401, 403):
            raise TurretError(ReasonCode.NOT_SIGNED_IN, f'{self.url} refused the token')
        if response.status != 200 or len(body) > limit:
            raise TurretError(ReasonCode.NOT_READY, f'{self.url} answered {response.status}')
        return body

    def _tls(self) -> ssl.SSLContext | aiohttp.Fingerprint | bool:
        if self._entry.fingerprint:
            return aiohttp.Fingerprint(bytes.fromhex(self._entry.fingerprint))
        if not self._entry.certificate:
            return True
        try:
            return ssl.create_default_context(cafile=self._entry.certificate)
        except OSError as error:
            raise TurretError(
                ReasonCode.IO_ERROR, f'the certificate {self._entry.certificate} cannot be read: {error}') from error


async def reported(request: Awaitable[Any]) -> tuple[Any, str]:
    """Return the result of a request and an empty text, or None and why it failed."""
    try:
        return await request, ''
    except TurretError as error:
        return None, error.message


def _as_object(data: bytes) -> Mapping[str, Any]:
    try:
        value = fast_json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise TurretError(ReasonCode.NOT_SUPPORTED, 'the answer is not one of a turret')
    return value


def _require_success(answer: Mapping[str, Any]) -> None:
    if answer.get('success') is not True:
        raise TurretError(ReasonCode.NOT_READY, f'the stop was not confirmed: {answer.get("message", "")}')
