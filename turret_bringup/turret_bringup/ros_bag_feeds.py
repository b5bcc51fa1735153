"""The subscriptions of the node ``bag``: what is wanted, with the quality of service that the publishers offer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from turret_bringup.bag_metadata import INFINITE_NS, Qos, Topic
from turret_bringup.message_definitions import definition
from turret_common import ros_qos
from turret_common.interface import TOPICS
from turret_web.ros_pump import SubscriptionPump
from turret_web.ros_schema import UnknownTypeError, interface

#: Messages that may wait in the middleware while the pump is behind; few of those that are large.
_DEPTH = 1000
_IMAGE_DEPTH = 5
_LARGE = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

#: Takes a message on the pump's thread: the topic, when it was received [ns since 1970], the serialized message.
Sink = Callable[[str, int, bytes], None]


@dataclasses.dataclass
class Feed:
    """One subscription.

    Attributes:
        topic: as a bag describes it.
        latched: whether its publishers keep their newest message.
    """

    topic: Topic
    latched: bool
    qos: QoSProfile
    publishers: int
    handle: Any


class BagFeeds:
    """Keeps the subscriptions in line with what is wanted and what is there. Use it from one thread."""

    def __init__(self, node: Node, sink: Sink, added: Callable[[Feed], None]) -> None:
        """Make it without subscriptions.

        Args:
            node: that subscribes.
            sink: gets every message.
            added: called with a new subscription, before its first message.
        """
        self._node = node
        self._sink = sink
        self._added = added
        self._pump = SubscriptionPump(node)
        self._unknown: set[str] = set()
        prefix = node.get_namespace().rstrip('/')
        self._declared = {
            topic.name if topic.name.startswith('/') else f'{prefix}/{topic.name}': topic for topic in TOPICS}
        self.feeds: dict[str, Feed] = {}

    def review(self, wanted: Callable[[str], bool]) -> None:
        """Subscribe to what is wanted, end what is not, and renew what no longer suits the publishers.

        Topics of the turret are subscribed to before they have a publisher, so that nothing of them is missed.
        """
        for name in [name for name in self.feeds if not wanted(name)]:
            self._pump.unsubscribe(self.feeds.pop(name).handle)
        for name, type_name in self._topics():
            if not wanted(name):
                continue
            if name in self.feeds:
                self._renew(self.feeds[name])
            elif name not in self._unknown:
                self._subscribe(name, type_name)

    def close(self) -> None:
        """End the thread. The node destroys the subscriptions."""
        self._pump.close()

    def _topics(self) -> Iterator[tuple[str, str]]:
        yield from ((name, topic.type) for name, topic in self._declared.items())
        for name, types in self._node.get_topic_names_and_types():
            if name not in self._declared and len(types) == 1 and self._node.count_publishers(name):
                yield name, types[0]

    def _subscribe(self, name: str, type_name: str) -> None:
        try:
            cls = interface(type_name, 'msg')
        except UnknownTypeError as error:
            self._unknown.add(name)
            self._node.get_logger().warning(f'{name} is not recorded: {error}')
            return
        offered = self._node.get_publishers_info_by_topic(name)
        profiles = [info.qos_profile for info in offered] or self._expected(name)
        qos = _suitable(profiles, _IMAGE_DEPTH if type_name in _LARGE else _DEPTH)
        topic = Topic(
            name, type_name, definition(type_name), _hash(offered), tuple(_described(profile) for profile in profiles))
        feed = Feed(topic, qos.durability == DurabilityPolicy.TRANSIENT_LOCAL, qos, len(offered), None)
        self.feeds[name] = feed
        self._added(feed)
        feed.handle = self._pump.subscribe(cls, name, qos, lambda data: self._sink(name, time.time_ns(), data))

    def _renew(self, feed: Feed) -> None:
        """Subscribe anew where publishers have come that offer less than what was asked for."""
        publishers = self._node.count_publishers(feed.topic.name)
        if publishers in (0, feed.publishers):
            return
        feed.publishers = publishers
        offered = [info.qos_profile for info in self._node.get_publishers_info_by_topic(feed.topic.name)]
        qos = _suitable(offered, feed.qos.depth)
        if offered and qos != feed.qos:
            self._pump.unsubscribe(feed.handle)
            feed.qos, feed.latched = qos, qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
            name = feed.topic.name
            feed.handle = self._pump.subscribe(
                interface(feed.topic.type, 'msg'), name, qos, lambda data: self._sink(name, time.time_ns(), data))

    def _expected(self, name: str) -> list[QoSProfile]:
        topic = self._declared.get(name)
        return [getattr(ros_qos, topic.qos)] if topic is not None else []


def _suitable(offered: Sequence[QoSProfile], depth: int) -> QoSProfile:
    """Return the most that every publisher can serve."""
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    latched = bool(offered) and all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if offered and reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def _described(qos: QoSProfile) -> Qos:
    def nanoseconds(duration: Any) -> int:
        return int(duration.nanoseconds) or INFINITE_NS
    return Qos(
        qos.history.name.lower(), qos.depth, qos.reliability.name.lower(), qos.durability.name.lower(),
        nanoseconds(qos.deadline), nanoseconds(qos.lifespan), qos.liveliness.name.lower(),
        nanoseconds(qos.liveliness_lease_duration))


def _hash(offered: Sequence[Any]) -> str:
    """Return the hash of the type as a publisher tells it."""
    text = str(offered[0].topic_type_hash) if offered else ''
    return text if text.startswith('RIHS') else ''
