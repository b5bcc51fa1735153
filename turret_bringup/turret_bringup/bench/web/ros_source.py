# SPDX-License-Identifier: Apache-2.0
"""The source of ``./turret bench web``: publishes stamped statuses and images at a rate, or answers calls.

Run as ``python -m turret_bringup.bench.web.ros_source status|video|raw|safety RATE_HZ`` (0: no limit); ends with its
input.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from array import array
from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image

from turret_common.messages.cdr import with_stamp
from turret_common.ros import qos
from turret_common.ros.serialization import serialized
from turret_msgs.msg import Fault, Track, TurretStatus
from turret_msgs.srv import AcquireLease, Heartbeat, Stop

Response = TypeVar('Response', Stop.Response, Heartbeat.Response, AcquireLease.Response)

_DEPTH = 100
_JPEG_BYTES = 60_000
#: A status is serialized again after so many, because that costs more than to publish it.
_RENEWED_EVERY = 20


def publish_statuses(publisher: Publisher, rate_hz: float, ending: threading.Event) -> None:
    """Publish statuses whose numbers change from one to the next as those of a turret at work do."""
    status = _status()
    deadline = time.monotonic()
    data = b''
    while not ending.is_set():
        if rate_hz or status.seq % _RENEWED_EVERY == 0:
            _vary(status)
            data = serialized(status)
        status.seq += 1
        publisher.publish(with_stamp(data, time.monotonic_ns()))
        if rate_hz:
            deadline += 1.0 / rate_hz
            ending.wait(max(0.0, deadline - time.monotonic()))


def _status() -> TurretStatus:
    status = TurretStatus(tracks=[Track(id=str(i), class_id='balloon') for i in range(3)], faults=[Fault()])
    status.header.frame_id = 'base_link'
    status.camera.source, status.camera.encoding = 'sim', 'bgr8'
    status.safety.operator_name = 'operator'
    return status


def _vary(status: TurretStatus) -> None:
    for track in status.tracks:
        track.azimuth, track.elevation = random.gauss(0.0, 0.3), random.gauss(0.0, 0.1)
    for axis in (status.gimbal.pan, status.gimbal.tilt):
        axis.position, axis.velocity = random.gauss(0.0, 0.3), random.gauss(0.0, 0.1)
    status.camera.frames += 15
    status.camera.rate_hz = random.gauss(30.0, 0.1)
    for name in ('camera', 'vision', 'tracks', 'controller', 'gimbal', 'laser', 'safety', 'bag'):
        setattr(status, f'{name}_age_s', random.uniform(0.0, 0.1))


def publish_images(publisher: Publisher, rate_hz: float, ending: threading.Event) -> None:
    """Publish images of the size of a busy 640x480 JPEG. Nothing looks into them, so noise will do."""
    image = CompressedImage(format='jpeg')
    image.data = b'\xff\xd8' + random.randbytes(_JPEG_BYTES - 4) + b'\xff\xd9'
    deadline = time.monotonic()
    while not ending.is_set():
        now = time.time_ns()
        image.header.stamp.sec, image.header.stamp.nanosec = now // 10**9, now % 10**9
        publisher.publish(image)
        deadline += 1.0 / rate_hz
        ending.wait(max(0.0, deadline - time.monotonic()))


def publish_raw_images(publisher: Publisher, rate_hz: float, ending: threading.Event) -> None:
    """Publish raw images of 640x480 pixels."""
    image = Image(width=640, height=480, encoding='bgr8', step=3 * 640)
    image.data = array('B', random.randbytes(3 * 640) * 480)
    data = serialized(image)
    deadline = time.monotonic()
    while not ending.is_set():
        publisher.publish(with_stamp(data, time.time_ns()))
        deadline += 1.0 / rate_hz
        ending.wait(max(0.0, deadline - time.monotonic()))


def answer_calls(node: Node, ending: threading.Event) -> None:
    """Answer every stop, heartbeat and request for the lease, as the node ``safety`` does."""
    for service, cls in (('stop', Stop), ('heartbeat', Heartbeat), ('acquire_lease', AcquireLease)):
        node.create_service(cls, f'safety/{service}', _accept)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not ending.is_set():
        executor.spin_once(timeout_sec=0.2)


def _accept(_: object, response: Response) -> Response:
    response.success = True
    return response


def main() -> int:
    """Publish until the standard input ends."""
    kind, rate_hz = sys.argv[1], float(sys.argv[2])
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Node('bench_source', namespace='turret')
    ending = threading.Event()
    if kind == 'status':
        publisher = node.create_publisher(TurretStatus, 'status', QoSProfile(depth=_DEPTH))
        work = threading.Thread(target=publish_statuses, args=(publisher, rate_hz, ending))
    elif kind == 'raw':
        publisher = node.create_publisher(Image, 'camera/image_raw', qos.IMAGE_OUT)
        work = threading.Thread(target=publish_raw_images, args=(publisher, rate_hz, ending))
    elif kind == 'safety':
        work = threading.Thread(target=answer_calls, args=(node, ending))
    else:
        publisher = node.create_publisher(CompressedImage, 'camera/image_raw/compressed', qos.IMAGE_OUT)
        work = threading.Thread(target=publish_images, args=(publisher, rate_hz, ending))
    work.start()
    sys.stdout.write('publishing\n')
    sys.stdout.flush()
    sys.stdin.read()
    ending.set()
    work.join()
    node.destroy_node()
    rclpy.shutdown()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
