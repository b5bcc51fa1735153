# SPDX-License-Identifier: Apache-2.0
"""Messages are made of plain numbers, whatever the detector counted with."""

from __future__ import annotations

import math

import numpy as np
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from turret_common.geometry import Bearing
from turret_common.track_state import TrackState
from turret_msgs.msg import DetectionArray
from turret_vision.detectors.detection import Box, Detection
from turret_vision.ros_vision import box_message, track_message, write_detections
from turret_vision.tracking.tracker import Track


def test_numbers_of_any_type_can_be_published() -> None:
    boxes = [Box.from_rect(1, 2, 3, 4), Box(np.float32(1.5), np.int32(2), np.float64(3.0), 4)]  # type: ignore[arg-type]
    for box in boxes:
        message = write_detections(
            DetectionArray(), Header(), (640, 480), 'motion', 0.001, [Detection('x', box, np.float32(0.5))])
        assert serialize_message(message)
        track = Track(
            '1', TrackState.TRACKING, 'x', np.float32(0.5), Bearing(np.float32(0.1), 0), 0, 0, np.eye(4),  # type: ignore
            np.float32(0.1), 1, 3, 0, 0, box)  # type: ignore[arg-type]
        assert serialize_message(track_message(track))
    for name in ('center_x', 'center_y', 'width', 'height'):
        assert type(getattr(box_message(boxes[1]), name)) is float


def test_no_box_has_no_center() -> None:
    assert math.isnan(box_message(None).center_x)
