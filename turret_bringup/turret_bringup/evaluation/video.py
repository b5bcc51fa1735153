"""A bag as a video: its pictures with what was detected, tracked and aimed at drawn in."""

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
from turret_common.reason_codes import ReasonCode
from turret_common.track_state import TrackState
from turret_vision.annotate import annotate
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Result

#: Topics with pictures, relative to the namespace, best first; the last has its drawings already.
PICTURES = ('camera/image_raw/compressed', 'camera/image_raw', 'vision/image_annotated/compressed')
ANNOTATED = PICTURES[-1]
#: Topics with what is drawn.
DRAWN = ('vision/detections', 'vision/tracks', 'controller/state', 'laser/state')

_CRF = 23
_CONVERSIONS = {'bgr8': None, 'rgb8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_GRAY2BGR}
_MARK = (60, 60, 255)  # BGR

#: Gives topic (relative), recording stamp [ns] and fields of the messages of some topics, in order.
Messages = Callable[[Collection[str]], Iterable[tuple[str, int, dict[str, Any]]]]


@dataclasses.dataclass
class _Scene:
    """What is to be drawn into one picture."""

    detections: list[Detection] = dataclasses.field(default_factory=list)
    tracks: list[Track] = dataclasses.field(default_factory=list)


def source(topics: Collection[str]) -> str:
    """Return the topic whose pictures make the best video. Raises BagError, NOT_FOUND."""
    for topic in PICTURES:
        if topic in topics:
            return topic
    raise BagError(
        ReasonCode.NOT_FOUND, 'the bag has no pictures; record with the selection "full" to have them')


def write(path: Path, messages: Messages, topic: str) -> int:
    """Write an MP4 with the times of the pictures; return the number of pictures.

    Args:
        path: of the video; overwritten.
        messages: of the bag, byte arrays as bytes; called twice.
        topic: of the pictures, one of :data:`PICTURES`.

    Raises:
        TurretError: NOT_FOUND when there is no picture, DAMAGED for one that cannot be read, IO_ERROR.
    """
    import av  # heavy; only those who make videos pay for it

    scenes = {} if topic == ANNOTATED else dict(_scenes(messages(('vision/detections', 'vision/tracks'))))
    states: dict[str, dict[str, Any]] = {}
    encoder: VideoEncoder | None = None
    count = 0
    try:
        with av.open(str(path), 'w', format='mp4') as container:
            for name, stamp_ns, values in messages((topic, 'controller/state', 'laser/state')):
                if name != topic:
                    states[name] = values
                    continue
                scene = scenes.get(_stamp(values), _Scene())
                image = annotate(_pixels(values), Result(scene.detections, scene.tracks, 0.0))
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
        raise BagError(ReasonCode.NOT_FOUND, f'the bag has no pictures on {topic}')
    return count


def _scenes(messages: Iterable[tuple[str, int, dict[str, Any]]]) -> Iterator[tuple[tuple[int, int], _Scene]]:
    """Give what there is to draw by the stamp of its picture."""
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


def _pixels(values: dict[str, Any]) -> Pixels:
    """Return the picture of a compressed or a raw image as BGR."""
    data = np.frombuffer(values['data'], np.uint8)
    if 'format' in values:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
        if image is None:
            raise BagError(ReasonCode.DAMAGED, 'a picture cannot be read')
        return image
    width, height, step = values['width'], values['height'], values['step']
    if values['encoding'] not in _CONVERSIONS:
        raise BagError(ReasonCode.NOT_SUPPORTED, f'pictures in {values["encoding"][:20]!r} are not supported')
    channels = 1 if values['encoding'] == 'mono8' else 3
    if not (0 < width * channels <= step and len(data) == step * height > 0):
        raise BagError(ReasonCode.DAMAGED, 'a picture has not the size that it says')
    image = data.reshape(height, step)[:, :width * channels].reshape(height, width, channels)
    conversion = _CONVERSIONS[values['encoding']]
    return image if conversion is None else cv2.cvtColor(image, conversion)


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
