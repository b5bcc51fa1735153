# SPDX-License-Identifier: Apache-2.0
"""Images from an existing ROS topic, so that any ROS camera driver can be used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, StampSource, jpeg_size
from turret_camera.sources.source import ImageSource, SourceContext
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.images import decoded, to_bgr
from turret_common.reason_codes import ReasonCode
from turret_common.threads.clock import Clock

if TYPE_CHECKING:  # imported where it is used, so that reading the camera's parameters does not load ROS
    from rclpy.node import Node
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image

_SILENT_S = 2.0
_OLDEST_NS = 5_000_000_000  # a stamp that is older than this is on another clock


class RosTopicSource(ImageSource):
    """The newest message of an image topic, with the stamp and the calibration that its driver gives."""

    name: ClassVar = 'topic'
    hardware = True

    def __init__(
            self, parameters: CaptureParameters, node: Node, clock: Clock, lens: PinholeCamera | None = None) -> None:
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        from turret_common.ros.qos import NEWEST

        super().__init__(parameters, lens)
        self._clock = clock
        self._arrived = threading.Condition()
        self._newest: Any = None
        self._lens_problem: TurretError | None = None
        self._overwritten = 0
        topic = parameters.image_topic
        compressed = topic.endswith('/compressed')
        folder = topic.removesuffix('/compressed').rpartition('/')[0]
        node.create_subscription(CompressedImage if compressed else Image, topic, self._on_image, NEWEST)
        if lens is None:
            info = f'{folder}/camera_info' if folder else 'camera_info'
            node.create_subscription(CameraInfo, info, self._on_info, NEWEST)

    @classmethod
    def create(cls, context: SourceContext) -> ImageSource:
        return cls(context.parameters, context.node, context.clock, context.lens)

    @property
    def detail(self) -> str:
        return self.parameters.image_topic

    def open(self) -> None:
        self.close()

    def read(self) -> Frame:
        with self._arrived:
            if not self._arrived.wait_for(lambda: self._newest is not None, _SILENT_S):
                raise TurretError(ReasonCode.CAMERA_LOST, f'nothing is published on {self.detail}')
            message, self._newest = self._newest, None
            dropped, self._overwritten = self._overwritten, 0
        if self._lens_problem is not None:
            raise TurretError(
                self._lens_problem.code, f'camera_info beside {self.detail}: {self._lens_problem.message}')
        stamp_ns = self._stamp(message.header)
        if hasattr(message, 'encoding'):
            from turret_common.ros.images import image_to_array

            pixels = to_bgr(image_to_array(message), message.encoding)
            return Frame(stamp_ns, self.camera(message.width, message.height), pixels=pixels, dropped=dropped)
        data = bytes(message.data)
        size = jpeg_size(data)
        if size is not None:
            return Frame(stamp_ns, self.camera(*size), jpeg=data, dropped=dropped)
        try:
            image = decoded(data)
        except TurretError as error:
            raise TurretError(
                ReasonCode.CAMERA_LOST, f'"{message.format}" on {self.detail}: {error.message}') from error
        return Frame(stamp_ns, self.camera(image.shape[1], image.shape[0]), pixels=image, dropped=dropped)

    def close(self) -> None:
        with self._arrived:
            self._newest = None

    def _on_image(self, message: Image | CompressedImage) -> None:
        with self._arrived:
            self._overwritten += self._newest is not None
            self._newest = message
            self._arrived.notify()

    def _on_info(self, message: CameraInfo) -> None:
        from turret_common.ros.images import info_to_camera

        try:
            self._lens, self._lens_problem = info_to_camera(message), None
        except TurretError as error:
            self._lens_problem = error

    def _stamp(self, header: Any) -> int:
        """Return a header's stamp on our clock; the time of arrival where it cannot be that of the image."""
        from turret_common.ros.time import monotonic_ns, nanoseconds

        now_ns, stamp_ns = self._clock.now_ns(), monotonic_ns(nanoseconds(header.stamp))
        known = 0 <= now_ns - stamp_ns < _OLDEST_NS
        self.stamp_source = StampSource.SENSOR if known else StampSource.ARRIVAL
        return stamp_ns if known else now_ns
