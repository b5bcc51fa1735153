# SPDX-License-Identifier: Apache-2.0
"""The node ``camera``: publishes the frames of one image source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
from rclpy.clock import Clock as WallClock
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from turret_camera.camera_parameters import CameraParameters
from turret_camera.frame import ENCODING, Frame, Settings
from turret_camera.grabber import Grabber, Status
from turret_camera.lens.calibration_file import calibration_path, load_calibration
from turret_camera.lens.ros_calibration import RosCalibration
from turret_camera.media.audio import AudioCapture
from turret_camera.media.library import MediaLibrary
from turret_camera.media.ros_audio import RosAudio
from turret_camera.media.ros_media import RosMedia
from turret_camera.sources.registry import SOURCES, make_source
from turret_camera.sources.source import ImageSource, SourceContext
from turret_common.geometry import BASE_CAMERA_FRAME, HEAD_CAMERA_FRAME
from turret_common.paths import state_dir
from turret_common.plant_client import plant_socket
from turret_common.ros.critical import critical
from turret_common.ros.images import CameraInfoPublisher, array_to_image
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.qos import IMAGE_OUT
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.time import stamp_from_ns, wall_ns, wall_stamp
from turret_common.threads.clock import Clock, MonotonicClock
from turret_msgs.msg import CameraState
from turret_msgs.srv import GetTime

_STATE_PERIOD_S = 0.5


class CameraNode(Node):
    """Publishes images, their camera_info and the state of the camera.

    Images are published by the grabber's thread and the state by one of its own, so that neither waits for the other
    or for the executor.
    """

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('camera', **node_kwargs)
        self._ros_parameters = RosParameters(self, CameraParameters, self._configure)
        for source, reason in SOURCES.failed.items():
            self.get_logger().warning(f'camera source not loaded: {source}: {reason}')
        clock = MonotonicClock()
        self._source = self._make_source(self._ros_parameters.value, clock)
        self._state = StatePublisher(self, CameraState, 'camera/state', _STATE_PERIOD_S, clock=WallClock())
        self._state_thread = critical(self, 'state', _STATE_PERIOD_S, self._publish_state)
        self._grabber = Grabber(self._source, clock, self._publish, self._state_thread.wake)
        self._raw = self.create_publisher(Image, 'camera/image_raw', IMAGE_OUT)
        self._compressed = self.create_publisher(CompressedImage, 'camera/image_raw/compressed', IMAGE_OUT)
        self._info = CameraInfoPublisher(self)
        folder = self._ros_parameters.value.media_dir or state_dir(self.get_namespace()) / 'media'
        self._audio = AudioCapture(self._ros_parameters.value.audio, clock, self._state_thread.wake)
        self._live_audio = RosAudio(
            self, self._audio, _ros_stamp, lambda: self._ros_parameters.value.audio.bit_rate)
        self._media = RosMedia(
            self, MediaLibrary(Path(folder)), self._audio, newest=lambda: self._grabber.newest,
            parameters=lambda: self._ros_parameters.value, changed=self._state_thread.wake)
        self._calibration = RosCalibration(
            self, lambda: self._grabber.newest, self._calibration_file(self._ros_parameters.value),
            self._source.use_lens)
        self.create_service(GetTime, 'camera/get_time', self._get_time)
        self._grabber.start()
        self._audio.start()
        self._state_thread.start()

    def destroy_node(self) -> None:
        self._calibration.close()
        self._grabber.stop()
        self._media.close()
        self._audio.stop()
        self._state_thread.stop()
        super().destroy_node()

    def _configure(self, parameters: CameraParameters) -> None:
        self._grabber.configure(parameters)
        if parameters.audio != self._ros_parameters.value.audio:
            self._audio.configure(parameters.audio)
        self._state_thread.wake()

    def _make_source(self, parameters: CameraParameters, clock: Clock) -> ImageSource:
        own = self._calibration_file(parameters)
        file = own if own.is_file() else None
        if parameters.calibration_file:
            file = calibration_path(parameters.calibration_file)
        lens = load_calibration(file) if file else None
        return make_source(SourceContext(parameters, clock, lens, plant_socket(self.get_namespace()), self))

    def _calibration_file(self, parameters: CameraParameters) -> Path:
        """Return where this camera's own calibration is kept."""
        device = f'-{Path(parameters.device).name}' if parameters.source == 'v4l2' else ''
        return state_dir(self.get_namespace()) / 'calibration' / f'{parameters.source}{device}.yaml'

    def _publish(self, frame: Frame) -> None:
        p = self._ros_parameters.value
        frame_id = BASE_CAMERA_FRAME if p.camera_mount == 'base' else HEAD_CAMERA_FRAME
        header = Header(frame_id=self._ros_parameters.frame(frame_id), stamp=_ros_stamp(frame.stamp_ns))
        wanted = self._raw.get_subscription_count()
        image = array_to_image(frame.pixels(), ENCODING, header) if wanted else None
        self._info.publish(frame.camera, header)
        if image is not None:  # right behind its description
            self._raw.publish(image)
        if self._compressed.get_subscription_count():
            jpeg = frame.jpeg(p.jpeg_quality)
            self._compressed.publish(CompressedImage(header=header, format='jpeg', data=jpeg))
        self._media.offer(frame)

    @answered
    def _get_time(self, _: GetTime.Request, response: GetTime.Response) -> None:
        response.stamp = wall_stamp()

    def _publish_state(self) -> None:
        self._live_audio.look_for_listeners()
        self._state.request()
        self._state.update(None, self._state_message)

    def _state_message(self) -> CameraState:
        p, state, frame = self._ros_parameters.value, self._grabber.state(), self._grabber.newest
        settings = frame.settings if frame else Settings()
        rate = self._grabber.rate_hz() if state.status is Status.STREAMING else None
        return CameraState(
            source=p.source, source_detail=self._source.detail, hardware=self._source.hardware,
            on_base=p.camera_mount == 'base',
            status=int(state.status), code=int(state.code), message=state.message or self._media.trouble(),
            width=frame.camera.width if frame else p.width, height=frame.camera.height if frame else p.height,
            encoding=ENCODING, rate_hz=math.nan if rate is None else rate, frames=state.frames, dropped=state.dropped,
            stamp_source=int(self._source.stamp_source), auto_exposure=p.auto_exposure,
            exposure_us=settings.exposure_us, analog_gain=settings.analog_gain, digital_gain=settings.digital_gain,
            auto_white_balance=p.auto_white_balance, color_gains=list(settings.color_gains), lux=settings.lux,
            brightness=settings.brightness, contrast=settings.contrast, saturation=settings.saturation,
            recording=self._media.state(), audio=self._live_audio.state())


def _ros_stamp(monotonic_ns: int) -> Any:
    """Return an instant on CLOCK_MONOTONIC as a message's stamp, by the clocks' difference now."""
    return stamp_from_ns(wall_ns(monotonic_ns))


def main() -> int:
    """Run the node."""
    cv2.setNumThreads(1)  # images this small take longer when several threads share them
    return run(CameraNode)


if __name__ == '__main__':
    raise SystemExit(main())
