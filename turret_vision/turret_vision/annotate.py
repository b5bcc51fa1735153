# SPDX-License-Identifier: Apache-2.0
"""The image with detections, tracks and crosshair drawn in."""

from __future__ import annotations

from collections.abc import Iterable

import cv2

from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box, Detection, Image
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Result

_WHITE, _SHADE = (255, 255, 255), (24, 24, 24)
_COLORS = {  # BGR
    TrackState.DETECTING: (180, 180, 180),
    TrackState.TRACKING: (90, 220, 90),
    TrackState.COASTING: (60, 190, 255),
}
_CORNER = 0.25  # length of the corner marks, as a part of the box


def annotate(image: Image, result: Result) -> Image:
    """Return a copy of an image with detections as thin boxes and tracks as corner marks with id and state."""
    drawn: Image = image.copy()
    unit = max(1, round(image.shape[1] / 640))
    for detection in result.detections:
        _box(drawn, detection.box, _SHADE, 1)
    for track in result.tracks or []:
        if track.box is not None and track.state in _COLORS:
            _mark(drawn, track, unit)
    return drawn


def mark_detections(image: Image, detections: Iterable[Detection]) -> Image:
    """Return a copy of an image with a box, class and confidence for each detection."""
    drawn: Image = image.copy()
    unit = max(1, round(image.shape[1] / 640))
    color = _COLORS[TrackState.TRACKING]
    for detection in detections:
        _box(drawn, detection.box, color, 2 * unit)
        text = f'{detection.class_id} {100.0 * detection.confidence:.0f}%'
        _label(drawn, text, round(detection.box.left), round(detection.box.top), color, unit)
    return drawn


def _mark(image: Image, track: Track, unit: int) -> None:
    assert track.box is not None
    color = _COLORS[track.state]
    _corners(image, track.box, color, 2 * unit)
    if track.state == TrackState.DETECTING:
        return
    text = ' '.join(filter(None, (f'#{track.id}', track.class_id)))
    if track.confidence == track.confidence:
        text += f' {100.0 * track.confidence:.0f}%'
    if track.state == TrackState.COASTING:
        text += f' unseen {track.unseen_s:.1f} s'
    _label(image, text, round(track.box.left), round(track.box.top), color, unit)


def _box(image: Image, box: Box, color: tuple[int, int, int], thickness: int) -> None:
    cv2.rectangle(
        image, (round(box.left), round(box.top)), (round(box.right), round(box.bottom)), color, thickness, cv2.LINE_AA)


def _corners(image: Image, box: Box, color: tuple[int, int, int], thickness: int) -> None:
    dx, dy = _CORNER * box.width, _CORNER * box.height
    for x, sx in ((box.left, dx), (box.right, -dx)):
        for y, sy in ((box.top, dy), (box.bottom, -dy)):
            corner = (round(x), round(y))
            cv2.line(image, corner, (round(x + sx), round(y)), color, thickness, cv2.LINE_AA)
            cv2.line(image, corner, (round(x), round(y + sy)), color, thickness, cv2.LINE_AA)


def _label(image: Image, text: str, x: int, y: int, color: tuple[int, int, int], unit: int) -> None:
    """Write text on a dark background above a point, or below it at the top of the image."""
    scale = 0.42 * unit
    (width, height), baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, unit)
    pad = 3 * unit
    x = min(max(0, x), max(0, image.shape[1] - width - 2 * pad))
    room = height + baseline + 2 * pad
    y = y - pad - 1 if y >= room else y + room
    y = min(max(y, room), image.shape[0] - 1)
    ground = image[max(0, y - height - baseline - pad):y + 1, x:x + width + 2 * pad]
    ground[:] = ground // 3
    cv2.putText(image, text, (x + pad, y - baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, color, unit, cv2.LINE_AA)
