# SPDX-License-Identifier: Apache-2.0
"""The exclusion node: detects people in whole images for the safety node, whatever method vision uses."""

from __future__ import annotations

import time
from typing import Any

import cv2
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.ros.critical import critical
from turret_common.ros.images import CameraFeed, message_to_bgr
from turret_common.ros.joint_feed import PoseFeed
from turret_common.ros.node import run
from turret_common.ros.params import RosParameters
from turret_common.ros.qos import NEWEST, STREAM
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import seconds
from turret_msgs.msg import PeopleArray, Person
from turret_vision.detectors.person import FreezeWatch, SeenPerson, find_people, people_detectors, require_sight
from turret_vision.exclusion_parameters import ExclusionParameters
from turret_vision.ros_vision import box_message
from turret_vision.vision import head_pose

_CPU_WINDOW_S = 5.0


class ExclusionNode(Node):
    """Processes the newest image at a fixed rate in its own thread. Without images it publishes nothing."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('exclusion', **node_kwargs)
        cv2.setNumThreads(1)
        settings = RosParameters(self, ExclusionParameters)
        self._chosen = settings.value
        self._base_frame = settings.frame('base_link')
        self._detectors = people_detectors(self._chosen)
        require_sight(self._detectors)
        self._freeze = FreezeWatch()
        self._cpu, self._cpu_since = float('nan'), (time.monotonic(), time.process_time())
        self._poses = PoseFeed(self)
        self._images = PolledSubscription(self, Image, 'camera/image_raw', NEWEST)
        self._camera = CameraFeed(self)
        self._people = self.create_publisher(PeopleArray, 'exclusion/people', STREAM)
        self._thread = critical(self, 'exclusion', 1.0 / self._chosen.rate_hz, self._tick)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop publishing, which inhibits emission."""
        self._thread.stop()
        super().destroy_node()

    def _tick(self) -> None:
        camera = self._camera.catch_up()
        for image in self._images.take():
            self._look(image, camera)

    def _look(self, image: Image, camera: PinholeCamera | None) -> None:
        began = time.monotonic()
        seen = PeopleArray(header=Header(stamp=image.header.stamp, frame_id=self._base_frame), cpu=self._cores(began))
        try:
            pixels = message_to_bgr(image)
            seen.unchanged_s = self._freeze.unchanged_s(pixels, began)
            stamp = seconds(image.header.stamp)
            pose = head_pose(camera, stamp, lambda at: self._poses.at(at, self._chosen.pose_wait_s))
            seen.people = [
                _message(person) for person in find_people(self._detectors, pixels, stamp, camera, pose)]
        except TurretError as error:
            seen.code, seen.message = int(error.code), error.message
        except cv2.error as error:
            seen.code, seen.message = int(ReasonCode.DETECTOR_FAILED), str(error)
        seen.processing_s = time.monotonic() - began
        self._people.publish(seen)

    def _cores(self, now: float) -> float:
        """Return how many processor cores this process used in the last whole window; NaN in the first."""
        since, used = self._cpu_since
        if now - since >= _CPU_WINDOW_S:
            self._cpu = (time.process_time() - used) / (now - since)
            self._cpu_since = now, time.process_time()
        return self._cpu


def _message(person: SeenPerson) -> Person:
    return Person(
        class_id=person.class_id, box=box_message(person.box), azimuth=person.bearing.azimuth,
        elevation=person.bearing.elevation, radius=person.radius)


def main() -> int:
    """Run the node."""
    return run(ExclusionNode)


if __name__ == '__main__':
    raise SystemExit(main())
