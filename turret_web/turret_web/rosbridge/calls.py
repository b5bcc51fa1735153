# SPDX-License-Identifier: Apache-2.0
"""Service calls of clients, common to rosbridge and HTTP."""

from __future__ import annotations

import logging
import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.schema import Struct
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role
from turret_web.gateway.gateway import Gateway
from turret_web.names import InterfaceType, RosName
from turret_web.rosbridge.parameters import convert_numbers, declared_types
from turret_web.rosbridge.rosapi import Rosapi

audit = logging.getLogger('turret_web.audit')

_UNRECORDED = ('/safety/heartbeat', '/controller/jog')  # at least 10 Hz
_PARAMETER_SERVICES = ('set_parameters', 'set_parameters_atomically')


def by_name(args: Any, kind: Struct) -> Any:
    """Return the values of a request by name, also if they were given in order (INVALID_ARGUMENT, too many)."""
    if isinstance(args, list):
        if len(args) > len(kind.fields):
            raise TurretError(
                ReasonCode.INVALID_ARGUMENT, f'{len(args)} values, but {kind.name} has {len(kind.fields)} fields')
        return dict(zip((field.name for field in kind.fields), args, strict=False))
    return args


class ServiceCaller:
    """Calls services for clients within their access rules, and records the calls of operators."""

    def __init__(self, gateway: Gateway, policy: Policy) -> None:
        self._gateway = gateway
        self._policy = policy
        self._rosapi = Rosapi(gateway, policy)

    async def call(
            self, caller: str, role: Role, name: RosName, args: Any, timeout_s: float,
            type_name: InterfaceType | None = None) -> dict[str, Any]:
        """Call a service and return the values of the response.

        Args:
            caller: name of the client, for the record.
            role: role of the client.
            name: absolute name of the service.
            args: values of the request by name, or all of them in order.
            timeout_s: maximum duration [s].
            type_name: type that the client expects; None for any type.

        Raises:
            TurretError: the call is not allowed, there is no such service, it has another type, or it timed out.
            CodecError: the arguments do not fit.
        """
        if name.startswith(Rosapi.PREFIX):
            self._policy.check_call(role, name, args)

            async def call_service(service: RosName, request: dict[str, Any]) -> dict[str, Any]:
                return await self.call(caller, role, service, request, timeout_s)
            return await self._rosapi.call(name, args, call_service)
        await self.prepare(role, name, args, timeout_s)
        self.record(caller, role, name)
        return await self._call(name, args, timeout_s, type_name)

    async def prepare(self, role: Role, name: RosName, args: Any, timeout_s: float) -> None:
        """Check a call of a service in the graph. The numbers of a parameter change are converted in place.

        Raises:
            TurretError: the call is not allowed.
        """
        self._policy.check_call(role, name, args)
        if name.rpartition('/')[2] in _PARAMETER_SERVICES:
            changes = args['parameters']
            node = name.node

            async def call_node(verb: str, request: dict[str, Any]) -> dict[str, Any]:
                return await self._call(RosName(f'{node}/{verb}'), request, timeout_s)
            convert_numbers(changes, await declared_types(call_node, node, [change['name'] for change in changes]))

    async def _call(
            self, name: RosName, args: Any, timeout_s: float, expected: InterfaceType | None = None) -> dict[str, Any]:
        actual = self.resolve(name, expected)
        codec = self._gateway.service(actual)
        request = codec.request.encode(by_name(args, codec.request.kind), time.time_ns())
        return codec.response.to_json(await self._gateway.call(name, actual, request, timeout_s))

    def resolve(self, name: RosName, expected: InterfaceType | None = None) -> InterfaceType:
        """Return the type of a service in the graph.

        Raises:
            TurretError: NOT_FOUND; INVALID_ARGUMENT, it has another type than expected.
        """
        actual = self._gateway.service_type(name)
        if actual is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {name} does not exist')
        if expected is not None and expected != actual:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'service {name} has type {actual}, not {expected}')
        return actual

    def record(self, caller: str, role: Role, name: RosName) -> None:
        """Record a call of an operator, unless it is open to viewers, a heartbeat or a jog."""
        if role is Role.OPERATOR and not name.endswith(_UNRECORDED) and not self._policy.is_open_to_viewers(name):
            audit.info('%s calls %s', caller, name)
