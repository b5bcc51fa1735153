# SPDX-License-Identifier: Apache-2.0
"""Video of a bag: its images with detections, tracks and crosshair drawn in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from turret_bringup.bags.metadata import BagError
from turret_camera.frame import Frame, Pixels
from turret_camera.media.recorder import VideoEncoder
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera
from turret_common.images import as_array, decoded, to_bgr
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_vision.annotate import annotate
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Result

#: Topics with images, relative to the namespace, best first; the last has its drawings already.
IMAGES = ('camera/image_raw/compressed', 'camera/image_raw', 'vision/image_annotated/compressed')
ANNOTATED = IMAGES[-1]
_CRF = 23
_MARK = (60, 60, 255)  # BGR

#: Gives topic (relative), recording stamp [ns] and fields of the messages of some topics, in order.
Messages = Callable[[Collection[str]], Iterable[tuple[str, int, dict[str, Any]]]]


@dataclasses.dataclass
class _Scene:
    """What is to be drawn into one image."""

    detections: list[Detection] = dataclasses.field(default_factory=list)
    tracks: list[Track] = dataclasses.field(default_factory=list)


def source(topics: Collection[str]) -> str:
    """Return the topic whose images make the best video. Raises BagError, NOT_FOUND."""
    for topic in IMAGES:
        if topic in topics:
            return topic
    raise BagError(
        ReasonCode.NOT_FOUND, 'the bag has no images; record with the selection "full" to have them')


def write(path: Path, messages: Messages, topic: str) -> int:
    """Write an MP4 with the times of the images; return how many images were left out: damaged, or of another size.

    Args:
        path: of the video; overwritten.
        messages: of the bag, byte arrays as bytes; called twice.
        topic: of the images, one of :data:`IMAGES`.

    Raises:
        TurretError: NOT_FOUND where there is no readable image, NOT_SUPPORTED for its encoding, IO_ERROR.
    """
    import av  # heavy; imported only where a video is made

    scenes = {} if topic == ANNOTATED else dict(_scenes(messages(('vision/detections', 'vision/tracks'))))
    states: dict[str, dict[str, Any]] = {}
    encoder: VideoEncoder | None = None
    shape: tuple[int, ...] | None = None
    count = left_out = 0
    try:
        with av.open(str(path), 'w', format='mp4') as container:
            for name, stamp_ns, values in messages((topic, 'controller/state', 'laser/state')):
                if name != topic:
                    states[name] = values
                    continue
                pixels = _pixels(values)
                if pixels is None or shape not in (None, pixels.shape):
                    left_out += 1
                    continue
                shape = pixels.shape
                scene = scenes.get(_stamp(values), _Scene())
                image = annotate(pixels, Result(scene.detections, scene.tracks, 0.0))
                if encoder is None:
                    first_ns = stamp_ns
                    encoder = VideoEncoder(container, image, _CRF, first_ns)
                _caption(image, (stamp_ns - first_ns) * 1e-9, states)
                camera = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], 1.0)
                encoder.write(Frame(stamp_ns, camera, pixels=image))
                count += 1
            if encoder is not None:
                encoder.finish()
    except (av.error.FFmpegError, OSError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'cannot write {path}: {error.strerror}') from error
    if not count:
        raise BagError(ReasonCode.NOT_FOUND, f'the bag has no readable images on {topic}')
    return left_out


def _scenes(messages: Iterable[tuple[str, int, dict[str, Any]]]) -> Iterator[tuple[tuple[int, int], _Scene]]:
    """Give what there is to draw by the stamp of its image."""
    scenes: dict[tuple[int, int], _Scene] = {}
    for topic, _, values in messages:
        scene = scenes.setdefault(_stamp(values), _Scene())
        if topic == 'vision/tracks':
            scene.tracks = [_track(track) for track in values['tracks']]
        else:
            scene.detections = [
                Detection(detection['class_id'], box, detection['confidence'])
                for detection in values['detections'] if (box := _box(detection['box'])) is not None]
    yield from scenes.items()


def _stamp(values: dict[str, Any]) -> tuple[int, int]:
    stamp = values['header']['stamp']
    return stamp['sec'], stamp['nanosec']


def _box(values: dict[str, Any]) -> Box | None:
    box = Box(values['center_x'], values['center_y'], values['width'], values['height'])
    return box if all(map(math.isfinite, box)) else None


def _track(values: dict[str, Any]) -> Track:
    known = values['state'] in {int(state) for state in TrackState}
    return Track(
        id=values['id'], state=TrackState(values['state']) if known else TrackState.LOST, class_id=values['class_id'],
        confidence=values['confidence'], bearing=Bearing(values['azimuth'], values['elevation']),
        azimuth_rate=values['azimuth_rate'], elevation_rate=values['elevation_rate'], covariance=np.zeros((4, 4)),
        width=values['angular_width'], height=values['angular_height'], hits=values['hits'], misses=values['misses'],
        unseen_s=values['unseen_s'], box=_box(values['box']))


def _pixels(values: dict[str, Any]) -> Pixels | None:
    """Return a compressed or a raw image as BGR; None where it is damaged. Raises TurretError, NOT_SUPPORTED."""
    data = values['data']
    if 'format' in values:
        try:
            return decoded(data)
        except TurretError:
            return None
    encoding = values['encoding']
    try:
        return to_bgr(as_array(
            memoryview(data), values['height'], values['width'], encoding, values['step'],
            bool(values['is_bigendian'])), encoding)
    except TurretError as error:
        if error.code == ReasonCode.NOT_SUPPORTED:
            raise
        return None


def _caption(image: Pixels, time_s: float, states: dict[str, dict[str, Any]]) -> None:
    """Draw the crosshair, and below the time, the aim error and whether the laser emits."""
    text = f'{time_s:7.2f} s'
    controller = states.get('controller/state')
    if controller is not None:
        x, y = controller['crosshair']['x'], controller['crosshair']['y']
        if math.isfinite(x) and math.isfinite(y) and abs(x) < 1e5 and abs(y) < 1e5:
            cv2.drawMarker(image, (round(x), round(y)), _MARK, cv2.MARKER_CROSS, 20, 1, cv2.LINE_AA)
        if math.isfinite(controller['aim_error']):
            text += f'   off by {math.degrees(controller["aim_error"]):.2f} deg'
    if states.get('laser/state', {}).get('emitting'):
        text += '   LASER ON'
    strip = image[-22:]
    strip[:] = strip // 3
    cv2.putText(image, text, (6, image.shape[0] - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
