# SPDX-License-Identifier: Apache-2.0
"""The shortest recorder that rclpy allows, to compare the node ``bag`` with: an executor, callbacks, an MCAP writer.

It records the topics of ``ros_bag_source`` into the given file until it reads a line.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import rclpy
from mcap.writer import CompressionType, Writer
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from turret_bringup.bench.ros_bag_source import RATES
from turret_common.interface import TOPICS
from turret_common.messages.definitions import definition
from turret_common.messages.ros_schema import interface
from turret_common.ros import qos
from turret_common.threads.real_time import raise_middleware

_DEPTH = 1000


def _subscribe(node: Node, writer: Writer, name: str) -> None:
    topic = next(topic for topic in TOPICS if topic.name == name)
    channel = writer.register_channel(f'/turret/{name}', 'cdr', writer.register_schema(
        topic.type, 'ros2msg', definition(topic.type).encode()))
    offered: QoSProfile = getattr(qos, topic.qos)

    def on_message(data: bytes) -> None:
        now_ns = time.time_ns()
        writer.add_message(channel, now_ns, data, now_ns)
    node.create_subscription(
        interface(topic.type, 'msg'), name, on_message,
        QoSProfile(depth=_DEPTH, reliability=offered.reliability, durability=offered.durability), raw=True)


def main() -> int:
    """Record."""
    rclpy.init()
    node = Node('naive_recorder', namespace='turret')
    with Path(sys.argv[1]).open('wb') as stream:
        writer = Writer(stream, compression=CompressionType.ZSTD)
        writer.start('ros2')
        for name in RATES:
            _subscribe(node, writer, name)
        raise_middleware()  # as every process of a turret does
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        ended = threading.Event()

        def wait() -> None:
            sys.stdin.readline()
            ended.set()
        threading.Thread(target=wait, daemon=True).start()
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)
        writer.finish()  # type: ignore[no-untyped-call]
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
