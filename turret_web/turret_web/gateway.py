"""What the web part needs from ROS. :mod:`turret_web.ros_gateway` fulfils it with rclpy, tests with a fake.

Everything is called on the thread of the asyncio loop and calls back there. Names are absolute. Whatever cannot be
done raises :class:`~turret_common.errors.TurretError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from turret_web.cdr import Codec


class Feed(Protocol):
    """A subscription.

    Attributes:
        latched: the publisher keeps its newest message for late subscribers.
        newest_only: the publisher is best effort, or sends images: old messages are of no worth.
    """

    latched: bool
    newest_only: bool

    async def close(self) -> None:
        """End it."""


class Emitter(Protocol):
    """A publisher."""

    def publish(self, data: bytes) -> None:
        """Publish one serialized message."""

    async def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class ServiceCodec:
    """Both halves of a service type."""

    request: Codec
    response: Codec


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

    def message(self, type_name: str) -> Codec:
        """Return the codec of a message type (UNKNOWN_NAME where it is not installed)."""

    def service(self, type_name: str) -> ServiceCodec:
        """Return the codecs of a service type (UNKNOWN_NAME where it is not installed)."""

    async def subscribe(self, topic: str, type_name: str, deliver: Callable[[bytes], None]) -> Feed:
        """Have every serialized message of a topic delivered, with a quality of service that suits its publishers."""

    async def advertise(self, topic: str, type_name: str, *, latch: bool, depth: int) -> Emitter:
        """Become a publisher of a topic."""

    async def call(self, service: str, type_name: str, request: bytes, timeout_s: float) -> bytes:
        """Call a service and return the serialized response (NOT_READY: nobody offers it; TIMED_OUT)."""
