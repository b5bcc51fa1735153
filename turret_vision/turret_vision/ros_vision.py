# SPDX-License-Identifier: Apache-2.0
"""Detections and tracks as messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from std_msgs.msg import Header

from turret_msgs import msg as msgs
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track


def box_message(box: Box | None) -> msgs.BoundingBox:
    """Return a box; one without a center for None.

    Publishing a number of another type than ``float``, such as numpy's, ends the whole process.
    """
    if box is None:
        return msgs.BoundingBox(center_x=math.nan, center_y=math.nan)
    x, y, width, height = map(float, box)
    return msgs.BoundingBox(center_x=x, center_y=y, width=width, height=height)


def write_detections(
    message: msgs.DetectionArray, header: Header, size: tuple[int, int], method: str, processing_s: float,
    detections: Sequence[Detection],
) -> msgs.DetectionArray:
    """Put the detections of one image into a message, and return it; vision uses one message for all images.

    Args:
        message: to write to.
        header: of the image.
        size: width and height of the image [px].
        method: name of the detector.
        processing_s: time that it took [s].
        detections: of the detector.
    """
    message.header, (message.width, message.height) = header, size
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
