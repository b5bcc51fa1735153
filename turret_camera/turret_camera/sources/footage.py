# SPDX-License-Identifier: Apache-2.0
"""Recorded images in place of a camera: seen through a virtual pan-tilt, so that the loop closes on real images.

The whole image spans ``video_fov`` around the head's zero pose. The camera's view is the part of it that a pinhole
camera on the simulated head sees; beyond the image's edges there is gray.
"""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, Pixels, StampSource
from turret_camera.media.container import open_container
from turret_camera.simulation.ray_sampler import View, base_from_camera
from turret_camera.sources.source import EndOfFootageError, ImageSource, SourceContext
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.images import decoded
from turret_common.plant_client import PlantLink
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

_DEFAULT_HZ = 25.0
_LATE_NS = 100_000_000  # images that are later than this are left out
_BEYOND = 40  # gray level
_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')


class FootageFrame(NamedTuple):
    """One image of footage: when it begins to be shown and for how long, both in s from the start of the footage."""

    start_s: float
    duration_s: float
    pixels: Pixels


class FootageSource(ImageSource):
    """Plays frames at their own pace and crops them as the simulated head sees them."""

    hardware = False
    stamp_source = StampSource.SIMULATED

    def __init__(self, parameters: CaptureParameters, plant: PlantLink, clock: Clock) -> None:
        super().__init__(parameters)
        self._plant = plant
        self._clock = clock
        self._played: Iterator[FootageFrame] = iter(())
        self._start_ns = 0
        self._view: View | None = None

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        return cls(context.parameters, PlantLink(context.plant), context.clock)

    @abstractmethod
    def frames(self) -> Iterator[FootageFrame]:
        """Yield the footage once, from its start. Raises TurretError where it cannot be read."""

    def open(self) -> None:
        self._plant.call('scene', t=self._clock.now_ns())
        played = self._play()
        self._played = itertools.chain([next(played)], played)
        self._start_ns = self._clock.now_ns()

    def read(self) -> Frame:
        dropped = -1
        t_ns = self._clock.now_ns() - _LATE_NS
        while t_ns <= self._clock.now_ns() - _LATE_NS:
            frame = next(self._played)
            t_ns = self._start_ns + round(frame.start_s * 1e9)
            dropped += 1
        self._clock.sleep_until(t_ns)
        scene = self._plant.call('scene', t=t_ns, mount=self.parameters.camera_mount)
        camera = self.camera(self.parameters.width, self.parameters.height)
        if self._view is None or self._view.camera != camera:
            self._view = View(camera)
        pixels = look(frame.pixels, self.parameters.video_fov, self._view, Pose(scene['pan'], scene['tilt']))
        return Frame(t_ns, camera, pixels=pixels, dropped=dropped)

    def close(self) -> None:
        self._played = iter(())
        self._plant.close()

    def _play(self) -> Iterator[FootageFrame]:
        """Yield the footage again and again while it loops; the times keep growing."""
        start_s = 0.0
        while True:
            end_s = 0.0
            for frame in self.frames():
                yield frame._replace(start_s=start_s + frame.start_s)
                end_s = frame.start_s + frame.duration_s
            if end_s <= 0.0:
                raise TurretError(ReasonCode.NOT_FOUND, f'there are no images in {self.detail}')
            if not self.parameters.loop:
                raise EndOfFootageError(ReasonCode.NO_FRAMES, f'{self.detail} has ended')
            start_s += end_s


class FileSource(FootageSource):
    """A video or a GIF, or a folder of images."""

    name: ClassVar = 'file'

    @property
    def detail(self) -> str:
        return self.parameters.video_file

    def frames(self) -> Iterator[FootageFrame]:
        return read_footage(Path(self.parameters.video_file), self.parameters.rate_hz)


class ImagesSource(FootageSource):
    """The images of a folder, or those that a pattern names, in order of their names, one per frame period."""

    name: ClassVar = 'images'

    @property
    def detail(self) -> str:
        return self.parameters.images

    def frames(self) -> Iterator[FootageFrame]:
        return read_images(Path(self.parameters.images), self.parameters.rate_hz)


def read_footage(path: Path, rate_hz: float) -> Iterator[FootageFrame]:
    """Yield the frames of a video, or the images of a folder at a rate.

    Raises:
        TurretError: NOT_FOUND, NOT_SUPPORTED or INVALID_ARGUMENT, the footage cannot be read.
    """
    if path.is_dir():
        return read_images(path, rate_hz)
    if not path.is_file():
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no video file "{path}"')
    return _read_animated_webp(path) if _is_animated_webp(path) else _read_video(path)


def read_images(given: Path, rate_hz: float) -> Iterator[FootageFrame]:
    """Yield the images of a folder, or those that a pattern names, by name and number.

    Raises:
        TurretError: NOT_FOUND, there are none; INVALID_ARGUMENT after all others, some cannot be read.
    """
    found = given.iterdir() if given.is_dir() else given.parent.glob(given.name)
    number, damaged = 0, ''
    for path in sorted((p for p in found if p.suffix.lower() in _IMAGES), key=_by_number):
        try:
            pixels = decoded(path.read_bytes() if path.is_file() else b'')  # a pipe may never end
        except (OSError, TurretError):
            damaged = damaged or f'"{path}" is not an image'
            continue
        yield FootageFrame(number / rate_hz, 1.0 / rate_hz, pixels)
        number += 1
    if damaged:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, damaged)
    if not number:
        raise TurretError(ReasonCode.NOT_FOUND, f'there are no images in "{given}"')


def _by_number(path: Path) -> list[tuple[str, int]]:
    """Return a key by which frame2 comes before frame10."""
    return [(text, int(number or 0)) for text, number in re.findall(r'(\D*)(\d*)', path.name)]


def _read_video(path: Path) -> Iterator[FootageFrame]:
    import av  # heavy; only those who play or record videos pay for it

    try:
        with open_container(str(path)) as container:
            if not container.streams.video:
                raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{path}" is not a video')
            first_s, number = 0.0, -1
            period_s = 1.0 / float(container.streams.video[0].average_rate or _DEFAULT_HZ)
            for number, (frame, duration) in enumerate(_with_durations(container)):
                # An elementary stream, as rpicam-vid writes it, has no times.
                time_s = number * period_s if frame.time is None else frame.time
                first_s = time_s if number == 0 else first_s
                yield FootageFrame(
                    time_s - first_s, float(duration * frame.time_base) if duration else period_s,
                    _upright(frame.to_ndarray(format='bgr24'), getattr(frame, 'rotation', 0)))  # PyAV 13
            if number < 0:
                raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{path}" cannot be played: no image is whole')
    except av.error.FFmpegError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{path}" cannot be played: {error.strerror}') from error


def _is_animated_webp(path: Path) -> bool:
    """Return whether a file is one, which FFmpeg does not play."""
    try:
        with path.open('rb') as file:
            head = file.read(21)
    except OSError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{path}" cannot be played: {error.strerror}') from error
    return head[:4] == b'RIFF' and head[8:16] == b'WEBPVP8X' and bool(head[20:21]) and bool(head[20] & 2)


def _read_animated_webp(path: Path) -> Iterator[FootageFrame]:
    if not hasattr(cv2, 'imreadanimation'):
        raise TurretError(ReasonCode.NOT_SUPPORTED, f'"{path}" cannot be played: animated WebP needs OpenCV 4.11')
    readable, animation = cv2.imreadanimation(str(path))
    if not readable:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'"{path}" cannot be played: it is damaged')
    start_s = 0.0
    for image, duration_ms in zip(animation.frames, animation.durations, strict=True):
        duration_s = int(duration_ms) / 1e3 or 1.0 / _DEFAULT_HZ
        yield FootageFrame(start_s, duration_s, np.ascontiguousarray(image[:, :, :3]))
        start_s += duration_s


def _with_durations(container: Any) -> Iterator[tuple[Any, int | None]]:
    """Yield each image of an opened video with its duration in units of its time base; None where that is unknown.

    Damaged images are left out.

    Before PyAV 13 only packets know their duration. They come in the order of decoding, so the time identifies them.
    """
    import av

    durations: dict[int, int | None] = {}
    for packet in container.demux(video=0):
        if packet.pts is not None:
            durations[packet.pts] = packet.duration
        try:
            images = packet.decode()
        except av.error.InvalidDataError:
            images = []
        for frame in images:
            yield frame, durations.pop(frame.pts, None)


def _upright(pixels: Pixels, rotation: int) -> Pixels:
    """Return an image rotated counterclockwise by whole quarters of a revolution, given in degrees."""
    return np.ascontiguousarray(np.rot90(pixels, round(rotation / 90.0))) if rotation else pixels


def check(path: str) -> str:
    """Return why footage cannot be played; empty = it can."""
    try:
        return '' if next(read_footage(Path(path), _DEFAULT_HZ), None) else f'"{path}" has no frames'
    except TurretError as error:
        return error.message


def look(image: Pixels, video_fov: float, view: View, pose: Pose) -> Pixels:
    """Return what a camera on the head sees of an image.

    Args:
        image: seen as a pinhole camera at the zero pose saw it.
        video_fov: its horizontal field of view in rad.
        view: of the camera on the head.
        pose: of the head.
    """
    height, width = image.shape[:2]
    taken_by = PinholeCamera.from_field_of_view(width, height, video_fov)
    image_from_view = base_from_camera(0.0, 0.0).T @ base_from_camera(pose.pan, pose.tilt)
    x, y, z = np.moveaxis(view.rays @ image_from_view.T, -1, 0)
    z = np.maximum(z, 1e-3)  # behind the image's camera: far outside the image
    columns = np.clip(taken_by.fx * x / z + taken_by.cx, -1e4, 1e4)
    rows = np.clip(taken_by.fy * y / z + taken_by.cy, -1e4, 1e4)
    return view.sample(image, columns, rows, cv2.BORDER_CONSTANT, _BEYOND)
