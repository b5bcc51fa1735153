# SPDX-License-Identifier: Apache-2.0
"""``/api`` for programs without rosbridge, and the requests of the panel before it connects."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.operator_secret import obtain_secret, secret_file
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role
from turret_web.gateway.latest_message import LatestMessage
from turret_web.names import InterfaceType, RosName, service_name
from turret_web.rosbridge.bridge import Bridge
from turret_web.rosbridge.limits import parse_json
from turret_web.routes.openapi import describe
from turret_web.routes.routes import caller_of, current_role, json_response, read_body

STATUS_TYPE = InterfaceType('turret_msgs/msg/TurretStatus', 'msg')

#: Maximum age of a status, which is published at 2 Hz [s].
_STATUS_AGE_S = 1.5


class ApiRoutes:
    """Routes of the HTTP API."""

    def __init__(self, bridge: Bridge, needs_sign_in: bool, webrtc: bool) -> None:
        self._webrtc = webrtc
        self._bridge = bridge
        self._namespace = bridge.gateway.namespace
        self._needs_sign_in = needs_sign_in
        self._status = LatestMessage(
            bridge.gateway, RosName(f'{self._namespace}/status'), STATUS_TYPE, _STATUS_AGE_S)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get('/config.json', self._config),
            web.get('/session', self._session),
            web.get('/api/openapi.json', self._describe),
            web.get('/api/status', self._get_status),
            web.get('/api/status/{section}', self._get_section),
            web.post('/api/{service:.+}', self._call),
            web.get('/api/{service:.+}', self._refuse_get),
        ]

    async def _config(self, request: web.Request) -> web.StreamResponse:
        return json_response({
            'namespace': self._namespace,
            'role': current_role().value,
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
        role = current_role()
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
            raise TurretError(ReasonCode.NOT_FOUND, f'the status has no section {name:.60}')
        return json_response({name: status[name], 'age_s': status.get(f'{name}_age_s')})

    async def _newest_status(self) -> dict[str, Any]:
        codec = self._bridge.gateway.message(STATUS_TYPE)
        return codec.to_json(await self._status.get(self._bridge.limits.call_s))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        service = service_name(f'{self._namespace}/{request.match_info["service"]}')
        limits = self._bridge.limits
        args = parse_json(await read_body(request, limits.message_bytes) or b'{}', limits)
        if not isinstance(args, (dict, list)):
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the body is not a JSON object')
        return json_response(await self._bridge.services.call(
            caller_of(request), current_role(), service, args, limits.call_s))


    async def _refuse_get(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed('GET', ['POST'], text='a service is called with POST')


def _operator_secret(namespace: str) -> str:
    """Return the operator secret; empty until the node ``safety`` has created it."""
    return obtain_secret(namespace) if secret_file(namespace).exists() else ''
