# SPDX-License-Identifier: Apache-2.0
"""A camera node that is not ours: raw images of 640x480 pixels at 30 Hz, with nothing of the turret.

Started as a program with ``reliable`` or ``best_effort``. The stamp of image number n is n seconds.
"""

from __future__ import annotations

import sys

import rclpy
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

RATE_HZ = 30.0
WIDTH, HEIGHT = 640, 480


def main(reliability: str) -> None:
    """Publish until SIGINT."""
    rclpy.init()
    node = Node('usb_cam')
    publisher = node.create_publisher(
        Image, '/turret/camera/image_raw', QoSProfile(depth=5, reliability=ReliabilityPolicy[reliability.upper()]))
    image = Image(height=HEIGHT, width=WIDTH, encoding='bgr8', step=3 * WIDTH, data=bytes(3 * WIDTH * HEIGHT))
    image.header.frame_id = 'camera_optical_frame'

    def publish() -> None:
        image.header.stamp = Time(sec=image.header.stamp.sec + 1)
        publisher.publish(image)
    node.create_timer(1.0 / RATE_HZ, publish)
    rclpy.spin(node)


if __name__ == '__main__':
    main(sys.argv[1])
