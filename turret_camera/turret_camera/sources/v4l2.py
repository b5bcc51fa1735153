# SPDX-License-Identifier: Apache-2.0
"""A USB or other Video4Linux camera, read by OpenCV."""

from __future__ import annotations

import errno
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import cv2

from turret_camera.capture_parameters import WHITE_BALANCE_K, CaptureParameters
from turret_camera.frame import Frame, Settings, StampSource, jpeg_size
from turret_camera.sources.source import ImageSource, SourceContext
from turret_camera.sources.v4l2_controls import (
    EXPOSURE_APERTURE_PRIORITY,
    EXPOSURE_MANUAL,
    Control,
    Range,
    V4l2Controls,
)
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

_MJPG = cv2.VideoWriter.fourcc(*'MJPG')
_OLDEST_NS = 1_000_000_000  # a driver's stamp that is older than this is on another clock
_READ_BACK_FRAMES = 15
_MOST_DAMAGED = 30  # frames in a row
_GAIN_SPAN = 15.0  # analog_gain goes from 1 to 16

_log = logging.getLogger(__name__)


class V4l2Source(ImageSource):
    """A Video4Linux camera; its JPEG is passed on undecoded.

    The driver stamps a frame when it is complete (that is what USB cameras do); half the exposure time is taken off
    where it is known. The read-out of the sensor, some milliseconds, is not known and stays in the stamp.
    """

    name: ClassVar = 'v4l2'
    hardware = True

    def __init__(
            self, parameters: CaptureParameters, clock: Clock, lens: PinholeCamera | None = None,
            capture: Callable[..., Any] = cv2.VideoCapture,
            controls: Callable[[Path], V4l2Controls] = V4l2Controls) -> None:
        super().__init__(parameters, lens)
        self._clock = clock
        self._make_capture = capture
        self._make_controls = controls
        self._capture: Any = None
        self._controls: V4l2Controls | None = None
        self._ranges: dict[Control, Range] = {}
        self._settings = Settings()
        self._jpeg = False
        self._frames = 0

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        return cls(context.parameters, context.clock, context.lens)

    @property
    def detail(self) -> str:
        return self.parameters.device

    def open(self) -> None:
        p = self.parameters
        device = Path(p.device)
        if not device.exists():
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'there is no camera at {device}')
        if not os.access(device, os.R_OK | os.W_OK):
            raise TurretError(
                ReasonCode.CAMERA_ABSENT, f'{device} may not be opened; is this user in the group "video"?')
        capture = self._make_capture(str(device.resolve()), cv2.CAP_V4L2)
        self._capture = capture
        if not capture.isOpened():
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'{device} is not a camera, or in use by another program')
        for key, value in ((cv2.CAP_PROP_FOURCC, _MJPG), (cv2.CAP_PROP_FRAME_WIDTH, p.width),
                           (cv2.CAP_PROP_FRAME_HEIGHT, p.height), (cv2.CAP_PROP_FPS, p.rate_hz),
                           (cv2.CAP_PROP_BUFFERSIZE, 2)):
            capture.set(key, value)
        self._jpeg = int(capture.get(cv2.CAP_PROP_FOURCC)) == _MJPG and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        try:
            self._controls = self._make_controls(device)
            ranges = {control: self._controls.range(control) for control in Control}
            self._ranges = {control: found for control, found in ranges.items() if found is not None}
        except OSError as error:
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'{device}: {error.strerror}') from error
        self._frames = 0
        self.configure(p)

    def read(self) -> Frame:
        for damaged in range(_MOST_DAMAGED):
            grabbed, data = self._capture.read()
            now_ns = self._clock.now_ns()
            if not grabbed:
                raise TurretError(ReasonCode.CAMERA_LOST, f'{self.detail} delivers no more images')
            if self._frames % _READ_BACK_FRAMES == 0:
                self._settings = self._read_back()
            self._frames += 1
            if not self._jpeg:
                return Frame(self._stamp(now_ns), self.camera(data.shape[1], data.shape[0]), self._settings,
                             pixels=data, dropped=damaged)
            jpeg = data.tobytes()
            size = jpeg_size(jpeg)
            if size is not None:
                return Frame(self._stamp(now_ns), self.camera(*size), self._settings, jpeg=jpeg, dropped=damaged)
        raise TurretError(ReasonCode.CAMERA_LOST, f'{self.detail} delivers damaged images')

    def close(self) -> None:
        if self._controls is not None:
            self._controls.close()
            self._controls = None
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def configure(self, parameters: CaptureParameters) -> None:
        super().configure(parameters)
        if self._controls is None:
            return
        p = parameters
        self._set_value(Control.EXPOSURE_AUTO, EXPOSURE_APERTURE_PRIORITY if p.auto_exposure else EXPOSURE_MANUAL)
        if not p.auto_exposure:
            self._set(Control.EXPOSURE_ABSOLUTE, lambda r: r.nearest(p.exposure_us / 100.0))
            self._set(Control.GAIN, lambda r: r.along((p.analog_gain - 1.0) / _GAIN_SPAN))
        self._set_value(Control.AUTO_WHITE_BALANCE, int(p.auto_white_balance))
        if not p.auto_white_balance:
            if p.white_balance_mode == 'manual':
                red, blue = p.color_gains
                self._set(Control.RED_BALANCE, lambda r: r.nearest(r.default * red))
                self._set(Control.BLUE_BALANCE, lambda r: r.nearest(r.default * blue))
            else:
                kelvin = WHITE_BALANCE_K[p.white_balance_mode]
                self._set(Control.WHITE_BALANCE_TEMPERATURE, lambda r: r.nearest(kelvin))
        self._set_value(Control.FOCUS_AUTO, int(p.focus < 0))
        if p.focus >= 0:
            self._set(Control.FOCUS_ABSOLUTE, lambda r: r.nearest(p.focus))
        self._set(Control.BRIGHTNESS, lambda r: r.around_default(p.brightness))
        self._set(Control.CONTRAST, lambda r: r.around_default(p.contrast - 1.0))
        self._set(Control.SATURATION, lambda r: r.around_default(p.saturation - 1.0))

    def _set(self, control: Control, value: Callable[[Range], int]) -> None:
        """Set a control in its own range; one that the camera lacks, or that another one rules now, is left alone."""
        if control not in self._ranges or self._controls is None:
            return
        try:
            self._controls.set(control, value(self._ranges[control]))
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EACCES, errno.EBUSY, errno.EIO):
                raise TurretError(ReasonCode.CAMERA_LOST, f'{self.parameters.device}: {error.strerror}') from error
            _log.warning('%s: %s cannot be set: %s', self.parameters.device, control.name.lower(), error.strerror)

    def _set_value(self, control: Control, value: int) -> None:
        self._set(control, lambda _: value)

    def _read_back(self) -> Settings:
        p = self.parameters
        exposure, gain = self._get(Control.EXPOSURE_ABSOLUTE), self._get(Control.GAIN)
        gain_range = self._ranges.get(Control.GAIN)
        brightness, contrast, saturation = (
            value if control in self._ranges else math.nan for control, value in (
                (Control.BRIGHTNESS, p.brightness), (Control.CONTRAST, p.contrast), (Control.SATURATION, p.saturation)))
        share = math.nan
        if gain_range is not None and gain_range.maximum > gain_range.minimum:
            share = (gain - gain_range.minimum) / (gain_range.maximum - gain_range.minimum)
        return Settings(
            exposure_us=exposure * 100.0, analog_gain=1.0 + _GAIN_SPAN * share, brightness=brightness,
            contrast=contrast, saturation=saturation)

    def _get(self, control: Control) -> float:
        if control not in self._ranges or self._controls is None:
            return math.nan
        try:
            return self._controls.get(control)
        except OSError as error:
            raise TurretError(ReasonCode.CAMERA_LOST, f'{self.parameters.device}: {error.strerror}') from error

    def _stamp(self, now_ns: int) -> int:
        driver_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        known = 0 <= now_ns - driver_ns < _OLDEST_NS
        self.stamp_source = StampSource.SENSOR if known else StampSource.ARRIVAL
        exposure_us = self._settings.exposure_us
        return (driver_ns if known else now_ns) - (0 if math.isnan(exposure_us) else round(exposure_us * 500.0))
