"""``/rosbridge``: the protocol over WebSockets."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.bridge import Bridge, Client
from turret_web.frames import Deflater
from turret_web.metrics import Metrics
from turret_web.outbox import Outbox
from turret_web.rosbridge import RosbridgeSession
from turret_web.routes import caller_of, current_role, json_response

log = logging.getLogger(__name__)

#: A client that does not answer a ping for half of this time is gone [s].
_PING_S = 20.0


class _Connection:
    """One client that is connected."""

    def __init__(self, bridge: Bridge, client: Client, socket: web.WebSocketResponse) -> None:
        self.client = client
        self.socket = socket
        self.session = RosbridgeSession(bridge, client)
        self.since_s = time.monotonic()
        self.received = 0

    def totals(self) -> Mapping[str, int]:
        """Return what it adds to the counters."""
        outbox = self.client.outbox
        return {
            'client_messages_total': self.received, 'sent_messages_total': outbox.sent_frames,
            'sent_bytes_total': outbox.sent_bytes, 'dropped_messages_total': self.session.dropped}


class BridgeRoutes:
    """The WebSocket side of the front door."""

    def __init__(self, bridge: Bridge, metrics: Metrics) -> None:
        self._bridge = bridge
        self._metrics = metrics
        self._connections: set[_Connection] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [web.get('/rosbridge', self.connect), web.get('/api/clients', self._list)]

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._connections)

    def totals(self) -> dict[str, float]:
        """Return what those who are connected add to the counters."""
        sums: dict[str, float] = {}
        for connection in self._connections:
            for name, value in connection.totals().items():
                sums[name] = sums.get(name, 0) + value
        return sums

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it goes."""
        limits = self._bridge.limits
        if self.count >= limits.clients:
            raise TurretError(ReasonCode.RATE_LIMITED, f'{limits.clients} clients are connected already')
        socket = web.WebSocketResponse(heartbeat=_PING_S, max_msg_size=limits.message_bytes, timeout=1.0)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:  # it has gone already
            return socket
        deflater = Deflater(int(socket.compress)) if socket.compress else None
        client = Client(caller_of(request), current_role.get(), Outbox(transport, limits.stall_s, deflater))
        connection = _Connection(self._bridge, client, socket)
        self._connections.add(connection)
        log.info('%s connects, %d clients', client.name, self.count)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    connection.received += 1
                    await connection.session.receive(message.data)
        finally:
            self._connections.discard(connection)
            client.outbox.close()
            for name, value in connection.totals().items():
                self._metrics.count(name, value)
            await connection.session.close()
            log.info('%s leaves, %d clients', client.name, self.count)
        return socket

    async def close(self) -> None:
        """Say goodbye to everybody."""
        for connection in list(self._connections):
            await connection.socket.close(code=1001, message=b'the turret ends')

    async def _list(self, request: web.Request) -> web.StreamResponse:
        return json_response([self._describe(connection) for connection in self._connections])

    def _describe(self, connection: _Connection) -> dict[str, Any]:
        return {
            'client': connection.client.name,
            'connected_s': round(time.monotonic() - connection.since_s, 1),
            'deflate': connection.client.outbox.deflater is not None,
            **connection.totals()}
