# SPDX-License-Identifier: Apache-2.0
"""A camera of the Raspberry Pi."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, Settings, StampSource
from turret_camera.sources.source import ImageSource
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode

# Numbers of libcamera's AwbModeEnum.
_WHITE_BALANCE = {'incandescent': 1, 'tungsten': 2, 'fluorescent': 3, 'indoor': 4, 'daylight': 5, 'cloudy': 6}
_AUTOFOCUS_MANUAL, _AUTOFOCUS_CONTINUOUS = 0, 2  # of AfModeEnum


class Picamera2Source(ImageSource):
    """A camera module through libcamera.

    libcamera stamps the start of the read-out, which is the end of the exposure of the first line; half the exposure
    time is taken off. The other lines follow within the read-out time of the sensor.
    """

    name: ClassVar = 'picamera2'
    hardware = True
    stamp_source = StampSource.SENSOR

    def __init__(self, parameters: CaptureParameters, lens: PinholeCamera | None = None) -> None:
        super().__init__(parameters, lens)
        self._camera: Any = None

    @property
    def detail(self) -> str:
        return str(self._camera.camera_properties.get('Model', '')) if self._camera is not None else ''

    def open(self) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            raise TurretError(
                ReasonCode.NOT_SUPPORTED, 'picamera2 is not installed (apt install python3-picamera2)') from error
        p = self.parameters
        try:
            self._camera = Picamera2()
            # What libcamera calls RGB888 lies in memory as blue, green, red.
            main = {'size': (p.width, p.height), 'format': 'RGB888'}
            self._camera.configure(self._camera.create_video_configuration(
                main=main, buffer_count=3, controls={'FrameRate': p.rate_hz, **self._controls()}))
            self._camera.start()
        except (RuntimeError, IndexError) as error:
            raise TurretError(ReasonCode.CAMERA_ABSENT, f'no camera: {error}') from error

    def read(self) -> Frame:
        try:
            request = self._camera.capture_request()
            try:
                pixels, metadata = request.make_array('main'), request.get_metadata()
            finally:
                request.release()
        except RuntimeError as error:
            raise TurretError(ReasonCode.CAMERA_LOST, f'the camera is lost: {error}') from error
        p = self.parameters
        settings = Settings(
            metadata.get('ExposureTime', math.nan), metadata.get('AnalogueGain', math.nan),
            metadata.get('DigitalGain', math.nan), metadata.get('ColorGains', (math.nan, math.nan)),
            metadata.get('Lux', math.nan), p.brightness, p.contrast, p.saturation)
        half_ns = 0 if math.isnan(settings.exposure_us) else round(settings.exposure_us * 500.0)
        height, width = pixels.shape[:2]
        return Frame(metadata['SensorTimestamp'] - half_ns, self.camera(width, height), settings, pixels=pixels)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def configure(self, parameters: CaptureParameters) -> None:
        super().configure(parameters)
        if self._camera is not None:
            self._camera.set_controls(self._controls())

    def _controls(self) -> dict[str, Any]:
        p = self.parameters
        controls: dict[str, Any] = {
            'AeEnable': p.auto_exposure, 'Brightness': p.brightness, 'Contrast': p.contrast, 'Saturation': p.saturation}
        if not p.auto_exposure:
            controls |= {'ExposureTime': p.exposure_us, 'AnalogueGain': p.analog_gain}
        if p.auto_white_balance:
            controls |= {'AwbEnable': True, 'AwbMode': 0}
        elif p.white_balance_mode == 'manual':
            controls |= {'AwbEnable': False, 'ColorGains': p.color_gains}
        else:
            controls |= {'AwbEnable': True, 'AwbMode': _WHITE_BALANCE[p.white_balance_mode]}
        if 'AfMode' in self._camera.camera_controls:
            controls['AfMode'] = _AUTOFOCUS_CONTINUOUS if p.focus < 0 else _AUTOFOCUS_MANUAL
            if p.focus >= 0:
                controls['LensPosition'] = float(p.focus)
        return controls
