"""What vision knows, as messages, and the gimbal's poses from theirs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header

from turret_common.pose_history import Pose, PoseHistory
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import seconds
from turret_msgs import msg as msgs
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track

_QUEUE = 512    # joint states that may wait while an image is looked at
_POLL_S = 0.001


class PoseFeed:
    """The head's pose at recent instants, from ``joint_states``.

    Joint states arrive several times as often as images. Waking the executor for each would cost more than everything
    else that vision does with them, so they stay in the subscription's queue until an image needs them. For one thread.
    """

    def __init__(self, node: Node) -> None:
        self._history = PoseHistory()
        self._newest = -math.inf
        self._joints = PolledSubscription(
            node, JointState, 'joint_states', QoSProfile(depth=_QUEUE, reliability=ReliabilityPolicy.RELIABLE))

    def at(self, stamp: float, wait_s: float) -> Pose | None:
        """Return the pose at a stamp in s, waiting up to ``wait_s`` for it to be reached; None = unknown."""
        deadline = time.monotonic() + wait_s
        self.catch_up()
        while self._newest < stamp and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            self.catch_up()
        return self._history.at(stamp)

    def catch_up(self) -> None:
        """Take the joint states that have arrived; what is taken between images does not delay the next one."""
        for message in self._joints.take():
            pose = pose_from(message)
            if pose is not None:
                self._newest = seconds(message.header.stamp)
                self._history.add(self._newest, pose)


def pose_from(message: JointState) -> Pose | None:
    """Return the head's pose; None where a number is not finite, or the joints are others."""
    try:
        pan, tilt = message.name.index('pan_joint'), message.name.index('tilt_joint')
        pose = Pose(
            message.position[pan], message.position[tilt], *(
                (message.velocity[pan], message.velocity[tilt]) if message.velocity else ()))
    except (ValueError, IndexError):
        return None
    return pose if all(map(math.isfinite, pose)) else None


def box_message(box: Box | None) -> msgs.BoundingBox:
    """Return a box; one without a center for None.

    Publishing a number of another type than ``float``, such as numpy's, ends the whole process.
    """
    if box is None:
        return msgs.BoundingBox(center_x=math.nan, center_y=math.nan)
    x, y, width, height = map(float, box)
    return msgs.BoundingBox(center_x=x, center_y=y, width=width, height=height)


def write_detections(
    message: msgs.DetectionArray, image: Image, method: str, processing_s: float, detections: Sequence[Detection],
) -> msgs.DetectionArray:
    """Put what one detector saw in an image into a message, and return it; vision uses one message for all images."""
    message.header, message.width, message.height = image.header, image.width, image.height
    message.method, message.processing_s = method, processing_s
    message.detections = [
        msgs.Detection(class_id=d.class_id, confidence=float(d.confidence), box=box_message(d.box))
        for d in detections]
    return message


def track_message(track: Track) -> msgs.Track:
    """Return one track."""
    return msgs.Track(
        id=track.id, state=int(track.state), class_id=track.class_id, confidence=float(track.confidence),
        azimuth=float(track.bearing.azimuth), elevation=float(track.bearing.elevation),
        azimuth_rate=float(track.azimuth_rate), elevation_rate=float(track.elevation_rate),
        covariance=track.covariance.ravel(), angular_width=float(track.width), angular_height=float(track.height),
        hits=track.hits, misses=track.misses, unseen_s=float(track.unseen_s), box=box_message(track.box))


def tracks_message(stamp: Any, frame_id: str, tracks: Sequence[Track]) -> msgs.TrackArray:
    """Return all tracks after the image of a stamp."""
    return msgs.TrackArray(
        header=Header(stamp=stamp, frame_id=frame_id), tracks=[track_message(track) for track in tracks])
