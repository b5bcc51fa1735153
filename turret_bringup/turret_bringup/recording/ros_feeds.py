# SPDX-License-Identifier: Apache-2.0
"""The subscriptions of the node ``bag``: the selected topics, with the quality of service that their publishers offer.

No thread wakes up for a message: the recorder polls at a fixed rate. The middleware stamps each message when it was
sent and received, so polling costs no precision, and an executor would cost several times the CPU time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import QoSProfile

from turret_bringup.bags.metadata import INFINITE_NS, Qos, Topic
from turret_common.interface import TOPICS
from turret_common.messages.definitions import definition, type_hash
from turret_common.messages.ros_schema import UnknownTypeError, interface
from turret_common.ros import qos as ros_qos
from turret_common.ros.qos import FollowedQos, suiting
from turret_common.ros.subscriptions import PolledSubscription

#: Messages that the middleware keeps until they are taken; fewer of large ones.
_DEPTH = 1000
_DEPTHS = {'sensor_msgs/msg/Image': 10, 'sensor_msgs/msg/CompressedImage': 60}


class Taken(NamedTuple):
    """A received message.

    Attributes:
        topic: name.
        stamp_ns: when it was received, since 1970.
        data: serialized.
        published_ns: when it was sent.
        missed: number of messages of its publisher that were lost since the one before.
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
        followed: requested quality of service, and the publishers that it was chosen for.
        subscription: of serialized messages.
        matched: number of publishers that it received messages from at the last review.
        sequence: number that the publisher gave its newest message; None = unknown.
    """

    topic: Topic
    followed: FollowedQos
    subscription: PolledSubscription[Any]
    matched: int = 0
    sequence: int | None = None

    @property
    def latched(self) -> bool:
        """Whether its publishers keep their newest message for late subscribers."""
        return self.followed.latched

    def missed_before(self, sequence: int | None) -> int:
        """Take the number of a message; return how many are missing before it. Counts for a single publisher only."""
        before, self.sequence = self.sequence, sequence
        if before is None or sequence is None or len(self.followed.publishers) != 1:
            return 0
        return max(0, sequence - before - 1)


class BagFeeds:
    """Keeps the subscriptions in line with the selection and the publishers. Use it from one thread."""

    def __init__(self, node: Node, added: Callable[[Feed], None]) -> None:
        """Make it without subscriptions.

        Args:
            node: the subscriber.
            added: called with a new subscription, before its first message.
        """
        self._node = node
        self._added = added
        self._unknown: set[str] = set()
        prefix = node.get_namespace().rstrip('/')
        self._declared = {
            topic.name if topic.name.startswith('/') else f'{prefix}/{topic.name}': topic for topic in TOPICS}
        self.feeds: dict[str, Feed] = {}

    def review(self, wanted: Callable[[str], bool]) -> None:
        """Subscribe to the wanted topics, unsubscribe from others, and renew what no longer suits its publishers.

        Topics of the turret are subscribed to before they have a publisher, so that none of their messages is missed.
        """
        for name in [name for name in self.feeds if not wanted(name)]:
            self.feeds.pop(name).subscription.destroy()
        for name, type_name in self._topics():
            if not wanted(name):
                continue
            if name in self.feeds:
                self._renew(self.feeds[name])
            elif name not in self._unknown:
                self._subscribe(name, type_name)

    def take(self) -> list[Taken]:
        """Return what has arrived since the last call, in the order of arrival."""
        taken = [
            Taken(name, info.received_ns, data, info.published_ns, feed.missed_before(info.sequence))
            for name, feed in self.feeds.items() for data, info in feed.subscription.take_with_info()]
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
        depth, expected = _DEPTHS.get(type_name, _DEPTH), self._expected(name)
        followed = FollowedQos(self._node, name, lambda offered: suiting(offered or expected, depth))
        topic = _described(Topic(name, type_name, definition(type_name), type_hash(type_name)), followed, expected)
        feed = Feed(topic, followed, PolledSubscription(self._node, cls, name, followed.qos, raw=True))
        self.feeds[name] = feed
        self._added(feed)

    def _renew(self, feed: Feed) -> None:
        """Subscribe again where publishers appeared that need another quality of service."""
        # Both counts cost much less than the endpoint information, and differ where a publisher does not match.
        matched = feed.subscription.matched
        if matched == feed.matched == self._node.count_publishers(feed.topic.name):
            return
        feed.matched, known = matched, feed.followed.publishers
        changed = feed.followed.review()
        if feed.followed.publishers is not known:
            feed.topic = _described(feed.topic, feed.followed, [])
        if changed:
            feed.subscription.destroy()
            feed.subscription = PolledSubscription(
                self._node, interface(feed.topic.type, 'msg'), feed.topic.name, feed.followed.qos, raw=True)
            feed.sequence = None

    def _expected(self, name: str) -> list[QoSProfile]:
        topic = self._declared.get(name)
        return [getattr(ros_qos, topic.qos)] if topic is not None else []


def _received(message: Taken) -> int:
    return message.stamp_ns


def _described(topic: Topic, followed: FollowedQos, expected: Sequence[QoSProfile]) -> Topic:
    """Return a topic with the quality of service and the type hash that its publishers have."""
    profiles = [publisher.qos_profile for publisher in followed.publishers] or expected
    text = str(followed.publishers[0].topic_type_hash) if followed.publishers else ''
    return dataclasses.replace(
        topic, qos=tuple(map(_qos, profiles)), type_hash=text if text.startswith('RIHS') else topic.type_hash)


def _qos(qos: QoSProfile) -> Qos:
    def nanoseconds(duration: Any) -> int:
        return int(duration.nanoseconds) or INFINITE_NS
    return Qos(
        qos.history.name.lower(), qos.depth, qos.reliability.name.lower(), qos.durability.name.lower(),
        nanoseconds(qos.deadline), nanoseconds(qos.lifespan), qos.liveliness.name.lower(),
        nanoseconds(qos.liveliness_lease_duration))
