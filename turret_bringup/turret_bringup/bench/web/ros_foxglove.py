# SPDX-License-Identifier: Apache-2.0
"""A Foxglove WebSocket server of one topic, for ``./turret bench web``: messages are passed on serialized.

Run as ``python -m turret_bringup.bench.web.ros_foxglove PORT TOPIC TYPE``; it needs the Python package foxglove-sdk.
"""

from __future__ import annotations

import sys

import foxglove
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile

from turret_common.messages.ros_schema import interface
from turret_common.ros.internals import WaitSet
from turret_common.ros.subscriptions import PolledSubscription

_DEPTH = 100
#: Messages that wait for a slow client, as many as in the web gateway.
_BACKLOG = 100


def main() -> int:
    """Serve until the process is terminated."""
    port, topic, type_name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    rclpy.init()
    node = Node('bench_foxglove')
    server = foxglove.start_server(host='127.0.0.1', port=port, message_backlog_size=_BACKLOG)
    channel = foxglove.Channel(
        topic, schema=foxglove.Schema(name=type_name, encoding='ros2msg', data=b''), message_encoding='cdr')
    subscription = PolledSubscription(node, interface(type_name, 'msg'), topic, QoSProfile(depth=_DEPTH), raw=True)
    wait_set = WaitSet(node, [subscription.subscription])
    while rclpy.ok():
        wait_set.wait()
        for data in subscription.take():
            channel.log(data)
    server.stop()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
