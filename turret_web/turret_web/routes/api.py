"""``/api`` for programs without rosbridge, and the requests of the panel before it connects."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role
from turret_web.gateway.latest_message import LatestMessage
from turret_web.rosbridge.bridge import Bridge
from turret_web.routes.openapi import describe
from turret_web.routes.routes import caller_of, current_role, json_response

STATUS_TYPE = 'turret_msgs/msg/TurretStatus'

#: Maximum age of a status, which is published at 2 Hz [s].
_STATUS_AGE_S = 1.5

_SERVICE = re.compile(r'[a-z0-9_]+(/[a-z0-9_]+)*', re.IGNORECASE)


class ApiRoutes:
    """Routes of the HTTP API."""

    def __init__(self, bridge: Bridge, needs_sign_in: bool, webrtc: bool) -> None:
        self._webrtc = webrtc
        self._bridge = bridge
        self._namespace = bridge.gateway.namespace
        self._needs_sign_in = needs_sign_in
        self._status = LatestMessage(bridge.gateway, f'{self._namespace}/status', STATUS_TYPE, _STATUS_AGE_S)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get('/config.json', self._config),
            web.get('/session', self._session),
            web.get('/api/openapi.json', self._describe),
            web.get('/api/status', self._get_status),
            web.get('/api/status/{section}', self._get_section),
            web.post('/api/{service:.+}', self._call),
        ]

    async def _config(self, request: web.Request) -> web.StreamResponse:
        return json_response({
            'namespace': self._namespace,
            'role': current_role.get().value,
            'sign_in': self._needs_sign_in,
            'rosbridge': '/rosbridge',
            'video': f'/stream?topic={self._namespace}/camera/image_raw',
            'webrtc': f'/webrtc?topic={self._namespace}/camera/image_raw' if self._webrtc else '',
            'topics': {
                'status': f'{self._namespace}/status',
                'tracks': f'{self._namespace}/vision/tracks',
                'image': f'{self._namespace}/camera/image_raw',
                'image_annotated': f'{self._namespace}/vision/image_annotated',
                'joint_states': f'{self._namespace}/joint_states',
            },
        })

    async def _session(self, request: web.Request) -> web.StreamResponse:
        role = current_role.get()
        session = {'role': role.value}
        if role is Role.OPERATOR:
            session['operator_secret'] = _operator_secret(self._namespace)
        return json_response(session)

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        gateway = self._bridge.gateway
        return json_response(describe(gateway, self._bridge.policy, gateway.message(STATUS_TYPE).kind))

    async def _get_status(self, request: web.Request) -> web.StreamResponse:
        return json_response(await self._newest_status())

    async def _get_section(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info['section']
        status = await self._newest_status()
        if name not in status:
            raise TurretError(ReasonCode.NOT_FOUND, f'the status has no section {name}')
        return json_response({name: status[name], 'age_s': status.get(f'{name}_age_s')})

    async def _newest_status(self) -> dict[str, Any]:
        codec = self._bridge.gateway.message(STATUS_TYPE)
        return codec.to_json(await self._status.get(self._bridge.limits.call_s))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        service = request.match_info['service']
        if _SERVICE.fullmatch(service) is None:
            raise TurretError(ReasonCode.NOT_FOUND, 'this is not a valid service name')
        args = _json_body(await request.read())
        return json_response(await self._bridge.services.call(
            caller_of(request), current_role.get(), f'{self._namespace}/{service}', args, self._bridge.limits.call_s))


def _json_body(body: bytes) -> Any:
    try:
        return fast_json.loads(body or b'{}')
    except fast_json.JSONDecodeError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'the body is not JSON: {error}') from None


def _operator_secret(namespace: str) -> str:
    """Return what ``safety`` wants to hear from an operator; empty until it has started once."""
    try:
        return (state_dir(namespace) / 'operator.secret').read_text().strip()
    except FileNotFoundError:
        return ''
