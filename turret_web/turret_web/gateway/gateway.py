"""What the web part needs from ROS. :mod:`turret_web.gateway.ros_gateway` fulfils it with rclpy, tests with a fake.

Everything is called on the thread of the asyncio loop and calls back there. Names are absolute, messages serialized.
Whatever cannot be done raises :class:`~turret_common.errors.TurretError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from turret_common.messages.cdr import Codec


class Closable(Protocol):
    """Something that is ours in the ROS graph until it is closed."""

    async def close(self) -> None:
        """End it."""


class Feed(Closable, Protocol):
    """A subscription. What it says of the publishers may change with them."""

    @property
    def latched(self) -> bool:
        """Whether the publishers keep their newest message for late subscribers."""

    @property
    def newest_only(self) -> bool:
        """Whether old messages are of no worth: a publisher is best effort, or sends images."""


class Publisher(Closable, Protocol):
    """A publisher."""

    def publish(self, data: bytes) -> None:
        """Publish one message."""


@dataclass(frozen=True)
class ServiceCodec:
    """Both halves of a service type."""

    request: Codec
    response: Codec


@dataclass(frozen=True)
class ActionCodec:
    """The three parts of an action type."""

    goal: Codec
    result: Codec
    feedback: Codec


@dataclass(frozen=True)
class NodeDetails:
    """What a node has in the graph."""

    publishing: list[str]
    subscribing: list[str]
    services: list[str]


class ActionHandler(Protocol):
    """Does the work of an action that a client offers."""

    async def execute(self, goal_id: str, goal: bytes, feedback: Callable[[bytes], None]) -> tuple[int, bytes]:
        """Pursue a goal; return the final status (``action_msgs/msg/GoalStatus``) and the result."""

    def cancel(self, goal_id: str) -> None:
        """Hear that a goal should end early."""


class Gateway(Protocol):
    """The ROS side.

    Attributes:
        namespace: of the turret, absolute, without a slash at the end.
    """

    namespace: str

    def topics(self) -> dict[str, list[str]]:
        """Return the types of every topic by name."""

    def services(self) -> dict[str, list[str]]:
        """Return the types of every service by name."""

    def service_type(self, service: str) -> str | None:
        """Return the type of a service, None where there is no such service."""

    def nodes(self) -> list[str]:
        """Return the names of all nodes."""

    def node_details(self, node: str) -> NodeDetails:
        """Return what a node has (NOT_FOUND)."""

    def publishers(self, topic: str) -> list[str]:
        """Return the nodes that publish a topic."""

    def subscribers(self, topic: str) -> list[str]:
        """Return the nodes that subscribe to a topic."""

    def now_ns(self) -> int:
        """Return ROS time [ns]."""

    def message(self, type_name: str) -> Codec:
        """Return the codec of a message type (UNKNOWN_NAME where it is not installed)."""

    def service(self, type_name: str) -> ServiceCodec:
        """Return the codecs of a service type, also of the services inside actions (UNKNOWN_NAME)."""

    def action(self, type_name: str) -> ActionCodec:
        """Return the codecs of an action type (UNKNOWN_NAME)."""

    async def subscribe(self, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> Feed:
        """Have every message of a topic delivered, with a quality of service that suits its publishers."""

    async def advertise(self, topic: str, type_name: str, *, latch: bool, depth: int) -> Publisher:
        """Become a publisher of a topic."""

    async def call(self, service: str, type_name: str, request: bytes, timeout_s: float) -> bytes:
        """Call a service and return the response (NOT_READY: nobody offers it, or not any more; TIMED_OUT)."""

    async def offer_service(
            self, service: str, type_name: str, answer: Callable[[bytes], Awaitable[bytes]]) -> Closable:
        """Offer a service; a request that ``answer`` raises an error for is never answered."""

    async def offer_action(self, action: str, type_name: str, handler: ActionHandler) -> Closable:
        """Offer an action."""
