"""The subscriptions of the node ``bag``: what is wanted, with the quality of service that the publishers offer.

Nothing wakes up for a message: whoever records looks at fixed times at what has arrived. The middleware says when each
message was sent and received, so that nothing is lost of its time, and an executor would cost several times as much.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import SubscriptionEventCallbacks

from turret_bringup.bags.metadata import INFINITE_NS, Qos, Topic
from turret_common.interface import TOPICS
from turret_common.messages.definitions import definition, type_hash
from turret_common.messages.ros_schema import UnknownTypeError, interface
from turret_common.ros import qos as ros_qos
from turret_common.ros.internals import UnspunGroup

#: Messages that may wait in the middleware until they are taken; fewer of those that are large.
_DEPTH = 1000
_DEPTHS = {'sensor_msgs/msg/Image': 10, 'sensor_msgs/msg/CompressedImage': 60}


class Taken(NamedTuple):
    """A message.

    Attributes:
        topic: name.
        stamp_ns: when it was received, since 1970.
        data: serialized.
        published_ns: when it was sent.
        missed: how many of its publisher's messages got lost since the one before.
    """

    topic: str
    stamp_ns: int
    data: bytes
    published_ns: int
    missed: int


@dataclasses.dataclass
class Feed:
    """One subscription.

    Attributes:
        topic: as a bag describes it.
        latched: whether its publishers keep their newest message.
        qos: that was asked for.
        publishers: number of them.
        subscription: of rclpy.
        sequence: number that the publisher gave its newest message; None = unknown.
    """

    topic: Topic
    latched: bool
    qos: QoSProfile
    publishers: int
    subscription: Any
    sequence: int | None = None

    def missed_before(self, sequence: int | None) -> int:
        """Take the number of a message; return how many are missing before it. Only one publisher can be counted."""
        before, self.sequence = self.sequence, sequence
        if before is None or sequence is None or self.publishers != 1:
            return 0
        return max(0, sequence - before - 1)


class BagFeeds:
    """Keeps the subscriptions in line with what is wanted and what is there. Use it from one thread."""

    def __init__(self, node: Node, added: Callable[[Feed], None]) -> None:
        """Make it without subscriptions.

        Args:
            node: that subscribes.
            added: called with a new subscription, before its first message.
        """
        self._node = node
        self._added = added
        self._group = UnspunGroup()
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
            self._node.destroy_subscription(self.feeds.pop(name).subscription)
        for name, type_name in self._topics():
            if not wanted(name):
                continue
            if name in self.feeds:
                self._renew(self.feeds[name])
            elif name not in self._unknown:
                self._subscribe(name, type_name)

    def take(self) -> list[Taken]:
        """Return what has arrived since the last time, in the order of arrival."""
        taken: list[Taken] = []
        for name, feed in self.feeds.items():
            subscription = feed.subscription
            with subscription.handle:
                while (message := subscription.handle.take_message(subscription.msg_type, True)) is not None:
                    data, info = message
                    taken.append(Taken(
                        name, info['received_timestamp'], data, info['source_timestamp'],
                        feed.missed_before(info['publication_sequence_number'])))
        taken.sort(key=_received)
        return taken

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
        qos = _suitable(profiles, _DEPTHS.get(type_name, _DEPTH))
        topic = Topic(name, type_name, definition(type_name), _hash(offered) or type_hash(type_name), _all(profiles))
        feed = Feed(
            topic, qos.durability == DurabilityPolicy.TRANSIENT_LOCAL, qos, len(offered), self._made(cls, name, qos))
        self.feeds[name] = feed
        self._added(feed)

    def _renew(self, feed: Feed) -> None:
        """Subscribe anew where publishers have come that offer less than what was asked for."""
        publishers = self._node.count_publishers(feed.topic.name)
        if publishers in (0, feed.publishers):
            return
        feed.publishers = publishers
        offered = self._node.get_publishers_info_by_topic(feed.topic.name)
        if not offered:
            return
        profiles = [info.qos_profile for info in offered]
        feed.topic = dataclasses.replace(
            feed.topic, type_hash=_hash(offered) or feed.topic.type_hash, qos=_all(profiles))
        qos = _suitable(profiles, feed.qos.depth)
        if qos != feed.qos:
            self._node.destroy_subscription(feed.subscription)
            feed.qos, feed.latched = qos, qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
            feed.subscription = self._made(interface(feed.topic.type, 'msg'), feed.topic.name, qos)
            feed.sequence = None

    def _made(self, cls: Any, name: str, qos: QoSProfile) -> Any:
        return self._node.create_subscription(
            cls, name, _ignore, qos, callback_group=self._group, raw=True,
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))

    def _expected(self, name: str) -> list[QoSProfile]:
        topic = self._declared.get(name)
        return [getattr(ros_qos, topic.qos)] if topic is not None else []


def _ignore(_: Any) -> None:
    """Stand in for the callback that rclpy asks for."""


def _received(message: Taken) -> int:
    return message.stamp_ns


def _suitable(offered: Sequence[QoSProfile], depth: int) -> QoSProfile:
    """Return the most that every publisher can serve."""
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    latched = bool(offered) and all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if offered and reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def _all(profiles: Sequence[QoSProfile]) -> tuple[Qos, ...]:
    return tuple(_described(profile) for profile in profiles)


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
