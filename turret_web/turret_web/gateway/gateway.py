# SPDX-License-Identifier: Apache-2.0
"""Interface of the web server to ROS.

:mod:`turret_web.gateway.ros_gateway` implements it with rclpy, tests with a fake. Methods are called on the thread of
the asyncio loop and call back there. Names are absolute, messages serialized. Requests that fail raise
:class:`~turret_common.errors.TurretError`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from turret_common.messages.cdr import Codec
from turret_web.names import InterfaceType, RosName


class Closable(Protocol):
    """Entity in the ROS graph that exists until it is closed."""

    async def close(self) -> None:
        """Destroy the entity."""


class Feed(Closable, Protocol):
    """Subscription. Its properties change with the publishers of the topic."""

    @property
    def latched(self) -> bool:
        """Whether the publishers keep their latest message for late subscribers (transient local)."""

    @property
    def epoch(self) -> int:
        """Number that changes when a publisher has ended: latched messages from before are not valid any more."""

    @property
    def newest_only(self) -> bool:
        """Whether only the latest message matters: a publisher is best effort, or the topic carries images."""


class Publisher(Closable, Protocol):
    """Publisher."""

    def publish(self, data: bytes) -> None:
        """Publish one message."""


@dataclass(frozen=True)
class ServiceCodec:
    """Codecs of a service type."""

    request: Codec
    response: Codec


@dataclass(frozen=True)
class ActionCodec:
    """Codecs of an action type."""

    goal: Codec
    result: Codec
    feedback: Codec


@dataclass(frozen=True)
class NodeDetails:
    """Topics and services of a node."""

    publishing: list[str]
    subscribing: list[str]
    services: list[str]


class ActionHandler(Protocol):
    """Executes the goals of an action that a client offers."""

    async def execute(self, goal_id: str, goal: bytes, feedback: Callable[[bytes], None]) -> tuple[int, bytes]:
        """Execute a goal; return the final status (``action_msgs/msg/GoalStatus``) and the result."""

    def cancel(self, goal_id: str) -> None:
        """Handle a request to cancel a goal."""


class Gateway(Protocol):
    """Access to ROS.

    Attributes:
        namespace: namespace of the turret, absolute, without a trailing slash.
    """

    namespace: str

    def topics(self) -> dict[str, list[str]]:
        """Return the types of every topic by name, without topics that only this node subscribes to."""

    def services(self) -> dict[str, list[str]]:
        """Return the types of every service by name."""

    def service_type(self, service: RosName) -> InterfaceType | None:
        """Return the type of a service, None if the service does not exist."""

    def nodes(self) -> list[str]:
        """Return the names of all nodes."""

    def node_details(self, node: RosName) -> NodeDetails:
        """Return topics and services of a node (NOT_FOUND)."""

    def publishers(self, topic: RosName) -> list[str]:
        """Return the nodes that publish a topic."""

    def subscribers(self, topic: RosName) -> list[str]:
        """Return the nodes that subscribe to a topic."""

    def now_ns(self) -> int:
        """Return ROS time [ns]."""

    def message(self, type_name: InterfaceType) -> Codec:
        """Return the codec of a message type (UNKNOWN_NAME if it is not installed)."""

    def service(self, type_name: InterfaceType) -> ServiceCodec:
        """Return the codecs of a service type, also of the services inside actions (UNKNOWN_NAME)."""

    def action(self, type_name: InterfaceType) -> ActionCodec:
        """Return the codecs of an action type (UNKNOWN_NAME)."""

    async def subscribe(
            self, topic: RosName, type_name: InterfaceType, deliver: Callable[[bytes], None]) -> Feed:
        """Deliver every message of a topic, with a QoS that is compatible with its publishers."""

    async def advertise(self, topic: RosName, type_name: InterfaceType, *, latch: bool, depth: int) -> Publisher:
        """Create a publisher of a topic."""

    async def call(self, service: RosName, type_name: InterfaceType, request: bytes, timeout_s: float) -> bytes:
        """Call a service and return the response (NOT_READY: there is no server, or it has ended; TIMED_OUT)."""

    async def withdrawn(self, name: RosName) -> None:
        """Wait until a service or action that a client withdraws no longer exists."""

    async def offer_service(
            self, service: RosName, type_name: InterfaceType,
            answer: Callable[[bytes], Coroutine[Any, Any, bytes]]) -> Closable:
        """Offer a service; a request for which ``answer`` raises an error gets a default response."""

    async def offer_action(self, action: RosName, type_name: InterfaceType, handler: ActionHandler) -> Closable:
        """Offer an action."""
