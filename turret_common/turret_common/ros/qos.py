# SPDX-License-Identifier: Apache-2.0
"""Quality of service: the profiles of the turret's topics, and profiles that follow the publishers of any topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from turret_common.interface import QOS


def profile(reliable: bool, latched: bool, depth: int) -> QoSProfile:
    """Return a profile; ``latched`` publishers keep their newest ``depth`` messages for late subscribers."""
    return QoSProfile(
        depth=depth, reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


STATE, IMAGE_OUT, PERMIT, STREAM, COMMAND, STATUS = (
    profile(*QOS[name]) for name in ('STATE', 'IMAGE_OUT', 'PERMIT', 'STREAM', 'COMMAND', 'STATUS'))
#: A subscriber of any topic that needs only the newest message. It matches every publisher.
NEWEST = profile(reliable=False, latched=False, depth=1)


def suiting(offered: Sequence[QoSProfile], depth: int) -> QoSProfile:
    """Return the strictest profile that matches every offered one: reliable, or latched, where all of them are.

    Args:
        offered: profiles of publishers. None = best effort and volatile, which match any publisher.
        depth: of the subscription.
    """
    return profile(
        bool(offered) and all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered),
        bool(offered) and all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered), depth)


class FollowedQos:
    """The profile for a subscription of a topic, chosen again when the publishers of the topic change.

    Attributes:
        qos: the present choice.
        publishers: endpoint information of the publishers that it was chosen for.
        departures: number of reviews that found that a publisher had ended.
    """

    def __init__(self, node: Node, topic: str, choose: Callable[[list[QoSProfile]], QoSProfile]) -> None:
        """Look at the publishers once.

        Args:
            node: the subscriber.
            topic: absolute name.
            choose: gives the profile for those that are offered, such as :func:`suiting`; none = no publisher.
        """
        self._node, self._topic, self._choose = node, topic, choose
        self.departures = 0
        self.publishers: list[Any] = node.get_publishers_info_by_topic(topic)
        self.qos = self._chosen()

    @property
    def latched(self) -> bool:
        """Whether the publishers keep their newest message for late subscribers."""
        return bool(self.qos.durability == DurabilityPolicy.TRANSIENT_LOCAL)

    def review(self) -> bool:
        """Look at the publishers again; return whether the profile changed, so that a new subscription is needed."""
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        known, present = _identities(self.publishers), _identities(publishers)
        if known == present:
            return False
        self.departures += not known <= present
        self.publishers = publishers
        if not publishers:
            return False  # the profile stays for the next publisher
        before, self.qos = self.qos, self._chosen()
        return bool(self.qos != before)

    def _chosen(self) -> QoSProfile:
        return self._choose([publisher.qos_profile for publisher in self.publishers])


def _identities(publishers: Sequence[Any]) -> set[bytes]:
    """Return the identities of endpoints. A publisher that replaced another one has a new one."""
    return {bytes(publisher.endpoint_gid) for publisher in publishers}
