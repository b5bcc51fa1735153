# SPDX-License-Identifier: Apache-2.0
"""State of the camera, for messages that explain why there is no video."""

from __future__ import annotations

from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.cdr import CodecError
from turret_web.gateway.gateway import Gateway
from turret_web.gateway.latest_message import LatestMessage
from turret_web.names import InterfaceType, RosName

TYPE = InterfaceType('turret_msgs/msg/CameraState', 'msg')
_WAIT_S = 0.5
_MAX_AGE_S = 2.0


class CameraState:
    """Latest message of ``camera/state``."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._topic = RosName(f'{gateway.namespace}/camera/state')
        self._newest = LatestMessage(gateway, self._topic, TYPE, _MAX_AGE_S)

    async def get(self) -> dict[str, Any]:
        """Return the state; empty if the camera publishes none."""
        if self._topic not in self._gateway.topics():
            return {}
        try:
            return self._gateway.message(TYPE).to_json(await self._newest.get(_WAIT_S))
        except (TurretError, CodecError):
            return {}

    async def close(self) -> None:
        """Unsubscribe."""
        await self._newest.close()
