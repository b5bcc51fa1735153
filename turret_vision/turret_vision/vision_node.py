# SPDX-License-Identifier: Apache-2.0
"""The vision node: images in, detections and tracks out."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import cv2
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.registry import group_of
from turret_common.ros.clock_probe import ClockProbe
from turret_common.ros.critical import fatal
from turret_common.ros.images import CameraFeed, message_to_bgr
from turret_common.ros.joint_feed import PoseFeed
from turret_common.ros.node import answered, run
from turret_common.ros.params import ArmedGuard, RosParameters
from turret_common.ros.qos import IMAGE_OUT, NEWEST, STREAM
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import AwaitedSubscription
from turret_common.ros.time import seconds
from turret_msgs.msg import DetectionArray, DetectionState, MotionState, TrackArray, VisionState
from turret_msgs.srv import TeachColor
from turret_vision.annotate import annotate
from turret_vision.detectors.balloon import sample_color
from turret_vision.detectors.detection import Detection
from turret_vision.detectors.detection import Image as Pixels
from turret_vision.detectors.motion import MotionParameters
from turret_vision.detectors.registry import DETECTORS, available
from turret_vision.ros_vision import tracks_message, write_detections
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Result, Vision
from turret_vision.vision_parameters import VisionParameters

_STATE_PERIOD_S = 0.5
_NO_FRAMES_S = 1.0
_TEACH_RADIUS_PX = 5


class VisionNode(Node):
    """Looks at the newest image, always, in a thread of its own."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('vision', **node_kwargs)
        cv2.setNumThreads(1)  # more threads cost more than they save at these image sizes
        self._settings = RosParameters(self, VisionParameters, self._changed, ArmedGuard(self, ('annotated_',)))
        self._vision = Vision(self._settings.value)
        self._base_frame = self._settings.frame('base_link')

        self._newest: Image | CompressedImage | None = None
        self._received_at = time.monotonic()
        self._ending = False
        self._result = Result([], None, 0.0)
        self._image_problem = ''

        self._message = DetectionArray()
        self._detections = self.create_publisher(DetectionArray, 'vision/detections', STREAM)
        self._tracks = self.create_publisher(TrackArray, 'vision/tracks', STREAM)
        self._annotated = self.create_publisher(CompressedImage, 'vision/image_annotated/compressed', IMAGE_OUT)
        self._mask = self.create_publisher(CompressedImage, 'vision/mask/compressed', IMAGE_OUT)
        self._state = StatePublisher(self, VisionState, 'vision/state', _STATE_PERIOD_S)
        self._state_lock = threading.Lock()

        self._poses = PoseFeed(self)
        self._camera = CameraFeed(self)
        self._probe = ClockProbe(self, 'camera/get_time') if self._settings.value.camera_remote else None
        self._images: AwaitedSubscription[Any] = (
            AwaitedSubscription(self, CompressedImage, 'camera/image_raw/compressed', IMAGE_OUT) if self._probe
            else AwaitedSubscription(self, Image, 'camera/image_raw', NEWEST))
        self.create_service(TeachColor, 'vision/teach_color', self._teach_color)
        self.create_timer(_STATE_PERIOD_S, self._publish_state)

        for source, reason in DETECTORS.failed.items():
            self.get_logger().warning(f'detector not loaded: {source}: {reason}')
        self._publish_state()
        self._worker = threading.Thread(target=self._work, name='vision')
        self._worker.start()

    def destroy_node(self) -> None:
        """End the worker, then the node."""
        self._ending = True
        self._images.wake()
        self._worker.join()
        self._images.close()
        super().destroy_node()

    def _changed(self, parameters: VisionParameters) -> None:
        self._vision.apply(parameters)

    def _work(self) -> None:
        try:
            self._process_images()
        except Exception as error:  # noqa: BLE001  reported by the state; the thread continues
            fatal(self, 'vision')(error)

    def _process_images(self) -> None:
        while not self._ending and self.context.ok():
            image = self._images.newest(_NO_FRAMES_S)
            if image is None:
                continue
            self._newest, self._received_at = image, time.monotonic()
            camera = self._camera.catch_up()
            try:
                self._process(image, camera)
                self._image_problem = ''
            except TurretError as error:
                self._image_problem = error.message
            self._publish_state()

    def _process(self, image: Image | CompressedImage, camera: PinholeCamera | None) -> None:
        pixels = message_to_bgr(image)
        size = pixels.shape[1], pixels.shape[0]
        result = self._vision.cycle(
            pixels, seconds(image.header.stamp), camera,
            lambda stamp: self._poses.at(stamp, self._settings.value.pose_wait_s),
            lambda detections, processing_s: self._publish_detections(image.header, size, detections, processing_s),
            lambda tracks: self._publish_tracks(image.header, tracks))
        if result is None:
            return
        self._result = result
        self._poses.catch_up()
        if self._annotated.get_subscription_count():
            self._publish_annotated(image.header, pixels, self._result)
        if self._mask.get_subscription_count() and (mask := self._vision.mask(*size)) is not None:
            _, png = cv2.imencode('.png', mask, (cv2.IMWRITE_PNG_BILEVEL, 1))
            self._mask.publish(CompressedImage(header=image.header, format='png', data=png.tobytes()))

    def _publish_tracks(self, header: Header, tracks: list[Track]) -> None:
        if not self._clock_differs():
            self._tracks.publish(tracks_message(header.stamp, self._base_frame, tracks))

    def _publish_detections(
            self, header: Header, size: tuple[int, int], detections: list[Detection], processing_s: float) -> None:
        method = self._vision.detector.name if self._vision.detector is not None else ''
        self._detections.publish(write_detections(self._message, header, size, method, processing_s, detections))

    def _publish_annotated(self, header: Header, pixels: Pixels, result: Result) -> None:
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._settings.value.annotated_quality]
        _, jpeg = cv2.imencode('.jpg', annotate(pixels, result), quality)
        self._annotated.publish(CompressedImage(header=header, format='jpeg', data=jpeg.tobytes()))

    def _clock_differs(self) -> bool:
        """Return whether the clock of this host is off the camera's by more than allowed: stamps are then wrong."""
        measured = self._probe.newest() if self._probe else None
        return measured is not None and measured.exceeds(self._settings.value.max_clock_offset_s)

    def _problem(self) -> tuple[ReasonCode, str]:
        silent_s = time.monotonic() - self._received_at
        if silent_s > _NO_FRAMES_S:
            return ReasonCode.NO_FRAMES, 'no image arrives'
        if self._clock_differs():
            return ReasonCode.CLOCK_OFFSET, (
                'no tracking: the clocks of the hosts of vision and camera differ; synchronize both, for example with '
                'chrony')
        if self._image_problem:
            return ReasonCode.NOT_SUPPORTED, self._image_problem
        return self._vision.problem

    def _publish_state(self) -> None:
        """Publish the state if it is due; also called by the executor, since a detector may be slow."""
        detector = self._vision.detector
        running = (detector.name, detector.mode) if detector is not None else None
        with self._state_lock:
            self._state.update((self._settings.value.enabled, running, self._problem()), self._state_message)

    def _state_message(self) -> VisionState:
        code, message = self._problem()
        p, vision, result = self._settings.value, self._vision, self._result
        detector = vision.detector
        method = detector.name if detector is not None else ''
        motion = group_of(p, MotionParameters)
        clock = self._probe.newest() if self._probe else None
        offset_s, round_trip_s = (clock.offset_s, clock.round_trip_s) if clock else (math.nan, math.nan)
        state = VisionState(
            code=int(code), message=message, clock_offset_s=offset_s, round_trip_s=round_trip_s)
        fresh = code != ReasonCode.NO_FRAMES and p.enabled
        state.detection = DetectionState(
            enabled=p.enabled, method=method, mode=detector.mode if detector is not None else '',
            has_mask=detector is not None and detector.has_mask, available=list(available()),
            rate_hz=vision.rate_hz if fresh else float('nan'),
            processing_s=vision.processing_s, count=len(result.detections) if fresh else 0, dropped=self._images.missed)
        state.motion = MotionState(
            active=method == 'motion' and p.enabled,
            motion_detected=method == 'motion' and fresh and bool(result.detections),
            sensitivity=motion.sensitivity, min_area=motion.min_area)
        state.track_count = sum(
            track.state.confirmed for track in result.tracks or ()) if fresh else 0
        return state

    @answered
    def _teach_color(self, request: TeachColor.Request, response: TeachColor.Response) -> None:
        if self._newest is None:
            raise TurretError(ReasonCode.NO_FRAMES, 'there is no image to take a color from')
        pixels = message_to_bgr(self._newest)
        color = sample_color(pixels, request.x, request.y, request.radius or _TEACH_RADIUS_PX)
        names = ('hue', 'saturation', 'value')
        self._settings.set({
            'balloon.color': 'taught',
            **{f'balloon.{name}': v for name, v in zip(names, color.center, strict=True)},
            **{f'balloon.{name}_range': v for name, v in zip(names, color.half_width, strict=True)}})
        response.hsv_center, response.hsv_range = list(color.center), list(color.half_width)


def main() -> int:
    """Run the node."""
    return run(VisionNode)


if __name__ == '__main__':
    raise SystemExit(main())
