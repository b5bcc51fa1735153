"""Service calls from outside, the same over rosbridge and over HTTP."""

from __future__ import annotations

import logging
import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.schema import Struct
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Policy, Role
from turret_web.gateway.gateway import Gateway
from turret_web.rosbridge.rosapi import Rosapi

audit = logging.getLogger('turret_web.audit')

_HEARTBEAT = 'safety/heartbeat'  # ten times a second and more: not worth a line each


def by_name(args: Any, kind: Struct) -> Any:
    """Return the values of a request by name, where they were given in order."""
    if isinstance(args, list):
        return dict(zip((field.name for field in kind.fields), args, strict=False))
    return args


class ServiceCaller:
    """Calls services for clients, as far as they may, and keeps the record of what operators call."""

    def __init__(self, gateway: Gateway, policy: Policy) -> None:
        self._gateway = gateway
        self._policy = policy
        self._rosapi = Rosapi(gateway, policy)

    async def call(
            self, caller: str, role: Role, name: str, args: Any, timeout_s: float,
            type_name: str | None = None) -> dict[str, Any]:
        """Call a service and return the response's values.

        Args:
            caller: who, for the record.
            role: of the caller.
            name: absolute name of the service.
            args: values of the request by name, or all of them in order.
            timeout_s: how long it may take [s].
            type_name: what the caller takes the service for; None for whatever it is.

        Raises:
            TurretError: not allowed, not offered, wrong type or timed out.
            CodecError: the arguments do not fit.
        """
        self._policy.check_call(role, name, args)
        if name.startswith(Rosapi.PREFIX):
            async def call_service(service: str, request: dict[str, Any]) -> dict[str, Any]:
                return await self.call(caller, role, service, request, timeout_s)
            return await self._rosapi.call(name, args, call_service)
        actual = self._gateway.service_type(name)
        if actual is None:
            raise TurretError(ReasonCode.NOT_FOUND, f'service {name} does not exist')
        codec = self._gateway.service(actual)
        if type_name is not None and self._gateway.service(type_name).request.kind.name != codec.request.kind.name:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'service {name} has type {actual}, not {type_name}')
        request = codec.request.encode(by_name(args, codec.request.kind), time.time_ns())
        self.record(caller, role, name)
        return codec.response.to_json(await self._gateway.call(name, actual, request, timeout_s))

    def record(self, caller: str, role: Role, name: str) -> None:
        """Keep a record of a call that is about to be made, where it is one of those that an operator answers for."""
        if role is Role.OPERATOR and not name.endswith(_HEARTBEAT) and not self._policy.is_open_to_viewers(name):
            audit.info('%s calls %s', caller, name)
