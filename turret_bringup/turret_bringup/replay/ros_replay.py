# SPDX-License-Identifier: Apache-2.0
"""Recorded messages on their way back into a graph."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from turret_bringup.bags.messages import BagMessages, Values
from turret_bringup.bags.metadata import Qos
from turret_bringup.bags.reader import Bag, BagMessage
from turret_bringup.replay.guard import PERMIT_TYPE, Outlet
from turret_common.errors import TurretError
from turret_common.images import decoded
from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import UnknownTypeError, builder, interface, schema
from turret_common.permit import Permit, lease_digest, permit_mac
from turret_common.ros.images import array_to_image
from turret_common.ros.qos import IMAGE_OUT, profile
from turret_msgs.msg import ControllerState, SafetyPermit
from turret_msgs.srv import SelectTarget, SetMode

_MOST_DEPTH = 1000
_UNKNOWN_DEPTH = 10
_JPEG, _RAW = 'camera/image_raw/compressed', 'camera/image_raw'


def qos_profile(offered: Iterable[Qos]) -> QoSProfile:
    """Return the quality of service that a topic is published with again: that of its first publisher."""
    qos = next(iter(offered), Qos())
    return profile(
        qos.reliability != 'best_effort', qos.durability == 'transient_local',
        min(qos.depth, _MOST_DEPTH) or _UNKNOWN_DEPTH)


class Permits:
    """Recorded permits as a replay gives them: they never permit the laser.

    For a controller that runs again, which takes only fresh ones, each is issued again, in an epoch older than any real
    one, and names the replay's own lease.
    """

    def __init__(self, key: bytes | None) -> None:
        """Prepare; ``key`` is that of the run, with which fresh permits are signed, None for recorded ones."""
        self.lease_id = secrets.token_hex(16)
        self._key = key
        self._seq = 0
        self._codec = Codec(schema(SafetyPermit))

    def harmless(self, permit: Values) -> bytes:
        """Return a recorded permit, serialized, so that it cannot permit the laser."""
        permit = {**permit, 'laser_ok': False}
        if self._key is not None:
            self._seq += 1
            permit |= {
                'epoch': 1, 'seq': self._seq, 'monotonic_ns': time.monotonic_ns(),
                'lease_digest': lease_digest(self.lease_id)}
            values = Permit(*(permit[name] for name in Permit._fields))
            permit['mac'] = permit_mac(values._replace(reasons=tuple(values.reasons)), self._key)
        return self._codec.encode(permit, 0)


class Outlets:
    """Publishers of the topics that are played."""

    def __init__(
            self, node: Node, bag: Bag, outlets: dict[str, Outlet], permits: Permits, namespace: str,
            into: Iterable[str]) -> None:
        """Make the publishers.

        Args:
            node: that publishes.
            bag: whose topics they are.
            outlets: what is played under which name; a topic whose type is not installed is left out.
            permits: what becomes of permits.
            namespace: of the recorded turret.
            into: nodes that run again.
        """
        self.left_out = dict(bag.left_out)
        self.decoder = BagMessages(bag)
        self._permits = permits
        self._publishers: dict[str, Any] = {}
        for name, outlet in outlets.items():
            topic = bag.topics[name]
            if outlet.name is None:
                self.left_out[name] = outlet.why_not
                continue
            try:
                kind = interface(topic.type, 'msg')
            except UnknownTypeError as error:
                self.left_out[name] = str(error)
                continue
            if name in self.decoder.left_out:
                self.left_out[name] = self.decoder.left_out[name]
                continue
            self._publishers[name] = node.create_publisher(kind, outlet.name, qos_profile(topic.qos))
        self._decoded = f'{namespace}/{_JPEG}'
        self._raw = None
        if 'vision' in into and not bag.counts.get(f'{namespace}/{_RAW}'):
            self._raw = node.create_publisher(Image, f'{namespace}/{_RAW}', IMAGE_OUT)

    @property
    def names(self) -> set[str]:
        """Names, in the bag, of the topics that are played."""
        return set(self._publishers)

    def publish(self, recorded: BagMessage) -> None:
        """Publish a message, unchanged unless it is a permit or its type has changed; a damaged one is left out."""
        if recorded.type == PERMIT_TYPE:
            permit = self.decoder.values(recorded)
            data = None if permit is None else self._permits.harmless(permit)
        else:
            data = self.decoder.data(recorded)
        if data is None:
            return
        self._publishers[recorded.topic].publish(data)
        if self._raw is not None and recorded.topic == self._decoded:
            self._publish_pixels(recorded)

    def _publish_pixels(self, recorded: BagMessage) -> None:
        """Publish a compressed image as a raw one, which is the input of vision."""
        values = self.decoder.raw_values(recorded)
        if values is None or self._raw is None:
            return
        with contextlib.suppress(TurretError):  # a damaged image
            self._raw.publish(array_to_image(decoded(values['data']), 'bgr8', builder(Header)(values['header'])))


class Operator:
    """Asks a controller that runs again for what the operator had asked for when it was recorded: mode and target."""

    def __init__(self, node: Node, namespace: str, lease_id: str) -> None:
        self._lease_id = lease_id
        self._mode = node.create_client(SetMode, f'{namespace}/controller/set_mode')
        self._target = node.create_client(SelectTarget, f'{namespace}/controller/select_target')
        self._granted: dict[Any, tuple[Any, ...]] = {}
        self._asked: dict[Any, Any] = {}

    def follow(self, state: Values) -> None:
        """Take the fields of a recorded state of the controller; ask again with each until it is granted."""
        # Where a pattern ran, only standing still is left.
        pattern = state['mode'] == ControllerState.MODE_PATTERN
        mode = ControllerState.MODE_MANUAL if pattern else state['mode']
        self._ask(self._mode, SetMode.Request(lease_id=self._lease_id, mode=mode), (mode,))
        self._ask(
            self._target, SelectTarget.Request(
                lease_id=self._lease_id, track_id=state['selected_id'], priority=state['priority']),
            (state['selected_id'], state['priority']))

    def _ask(self, client: Any, request: Any, wish: tuple[Any, ...]) -> None:
        pending = self._asked.get(client)
        if self._granted.get(client) == wish or not client.service_is_ready() or (pending and not pending.done()):
            return
        future = client.call_async(request)

        def answered(done: Any) -> None:
            if done.result() is not None and done.result().success:
                self._granted[client] = wish
        self._asked[client] = future
        future.add_done_callback(answered)
