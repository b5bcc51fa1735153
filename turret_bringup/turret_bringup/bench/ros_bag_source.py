# SPDX-License-Identifier: Apache-2.0
"""A process that publishes the topics of a turret with a camera at 30 frames per second, to measure recorders.

It prints ``ready`` when every topic has its subscribers, starts when it reads a line, publishes for the given time,
waits until all of it was received, and then prints how many messages it sent on each topic, as JSON. Each message
begins with a header; its number takes the place of the seconds of its stamp.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, JointState
from std_msgs.msg import Header

from turret_common.interface import TOPICS
from turret_common.messages.ros_schema import interface
from turret_common.ros import qos
from turret_common.ros.serialization import serialized
from turret_msgs import msg

#: Bytes of one compressed image: a 640x480 JPEG of quality 85.
_IMAGE_BYTES = 45_000
#: Messages per second of each topic.
RATES = {
    'camera/image_raw/compressed': 30, 'camera/camera_info': 30, 'vision/image_annotated/compressed': 30,
    'vision/detections': 30, 'vision/tracks': 30, 'joint_states': 100, 'gimbal/command': 100, 'controller/target': 100,
    'sim/ground_truth': 200, 'controller/state': 10, 'gimbal/state': 10, 'laser/state': 10, 'safety/state': 10,
    'camera/state': 2, 'vision/state': 2, 'status': 2,
}
_TICK_S = 0.005
_SUBSCRIBED_S = 60.0
_RECEIVED_S = 10.0
#: Where the seconds of the stamp are in a serialized message that begins with a header.
NUMBER = slice(4, 8)


def _examples() -> dict[str, bytes]:
    """Return a serialized message of each topic, as large as real ones are."""
    image = CompressedImage(
        header=Header(frame_id='camera_optical_frame'), format='jpeg', data=os.urandom(_IMAGE_BYTES))
    filled = {
        'camera/image_raw/compressed': image, 'vision/image_annotated/compressed': image,
        'camera/camera_info': CameraInfo(distortion_model='plumb_bob', d=[0.0] * 5),
        'joint_states': JointState(
            name=['pan_joint', 'tilt_joint'], position=[0.1, 0.2], velocity=[0.0, 0.0]),
        'vision/detections': msg.DetectionArray(method='motion', detections=[msg.Detection()] * 3),
        'vision/tracks': msg.TrackArray(tracks=[msg.Track(id='12', class_id='motion')] * 3),
        'sim/ground_truth': msg.SimGroundTruth(targets=[msg.SimTarget(name='balloon', kind='balloon')] * 3),
    }
    types = {topic.name: topic.type for topic in TOPICS}
    return {name: serialized(filled.get(name) or interface(types[name], 'msg')()) for name in RATES}


def main() -> int:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('seconds', type=float)
    parser.add_argument('--subscribers', type=int, default=1, help='subscribers of each topic (default: %(default)s)')
    args = parser.parse_args()
    seconds = args.seconds
    rclpy.init()
    node = Node('bench_source', namespace='turret')
    declared = {topic.name: topic for topic in TOPICS}
    publishers = {
        name: node.create_publisher(
            interface(declared[name].type, 'msg'), name, getattr(qos, declared[name].qos)) for name in RATES}
    deadline = time.monotonic() + _SUBSCRIBED_S
    while not all(publisher.get_subscription_count() >= args.subscribers for publisher in publishers.values()):
        if time.monotonic() > deadline:
            sys.stderr.write('not every topic is subscribed to\n')
            return 1
        time.sleep(0.05)
    messages = {name: bytearray(data) for name, data in _examples().items()}
    sent = dict.fromkeys(RATES, 0)
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    sys.stdin.readline()
    begin = time.monotonic()
    while (passed_s := time.monotonic() - begin) < seconds:
        for name, rate in RATES.items():
            while sent[name] < passed_s * rate:
                messages[name][NUMBER] = sent[name].to_bytes(4, 'little')
                if len(messages[name]) > _IMAGE_BYTES:
                    messages[name][-_IMAGE_BYTES:] = os.urandom(_IMAGE_BYTES)  # alike, they would be compressed
                publishers[name].publish(bytes(messages[name]))
                sent[name] += 1
        time.sleep(_TICK_S)
    for publisher in publishers.values():
        publisher.wait_for_all_acked(Duration(seconds=_RECEIVED_S))
    sys.stdout.write(json.dumps(sent) + '\n')
    sys.stdout.flush()
    sys.stdin.readline()  # the middleware may still have something to deliver
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
