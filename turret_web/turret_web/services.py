"""Service calls from outside, the same over rosbridge and over HTTP."""

from __future__ import annotations

import time
from typing import Any

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.gateway import Gateway
from turret_web.policy import Policy, Role


async def call_service(
        gateway: Gateway, policy: Policy, role: Role, name: str, type_name: str | None, args: Any,
        timeout_s: float) -> dict[str, Any]:
    """Call a service and return the response's values.

    Args:
        gateway: the ROS side.
        policy: who may call what.
        role: of the caller.
        name: absolute name of the service.
        type_name: what the caller takes the service for; None for whatever it is.
        args: values of the request by name, or all of them in order.
        timeout_s: how long it may take [s].

    Raises:
        TurretError: not allowed, not offered, wrong type or timed out.
        CodecError: the arguments do not fit.
    """
    policy.check_call(role, name, args)
    offered = gateway.services().get(name)
    if not offered:
        raise TurretError(ReasonCode.NOT_FOUND, f'service {name} does not exist')
    codec = gateway.service(offered[0])
    if type_name is not None and gateway.service(type_name) is not codec:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'service {name} has type {offered[0]}, not {type_name}')
    if isinstance(args, list):
        args = dict(zip((field.name for field in codec.request.kind.fields), args, strict=False))
    response = await gateway.call(name, offered[0], codec.request.encode(args, time.time_ns()), timeout_s)
    return codec.response.to_json(response)
