# SPDX-License-Identifier: Apache-2.0
"""Conversion of ``sensor_msgs/Image`` and ``CameraInfo``, and publication and subscription of camera_info."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from turret_common.geometry import BASE_CAMERA_FRAME, PLUMB_BOB, PinholeCamera, lens_camera
from turret_common.images import ENCODINGS, as_array, decoded, to_bgr
from turret_common.messages.cdr import same_but_stamp, with_stamp
from turret_common.ros.qos import NEWEST, STREAM
from turret_common.ros.serialization import serialized
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import nanoseconds


def image_to_array(msg: Image) -> npt.NDArray[np.generic]:
    """Return the pixels of a message without copying. Errors as :func:`turret_common.images.as_array`."""
    return as_array(memoryview(msg.data), msg.height, msg.width, msg.encoding, msg.step, bool(msg.is_bigendian))


def message_to_bgr(msg: Image | CompressedImage) -> npt.NDArray[np.uint8]:
    """Return the pixels of a raw or compressed image as BGR, shape (height, width, 3).

    Raises:
        TurretError: NOT_SUPPORTED or INVALID_ARGUMENT, as :func:`turret_common.images.as_array` and
            :func:`turret_common.images.decoded`.
    """
    if isinstance(msg, CompressedImage):
        return decoded(msg.data)
    return to_bgr(image_to_array(msg), msg.encoding)


def array_to_image(array: npt.NDArray[np.uint8], encoding: str, header: Header) -> Image:
    """Return a message from pixels of shape (height, width) or (height, width, channels)."""
    kind, channels = ENCODINGS[encoding]
    height, width = array.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = width * channels * np.dtype(kind).itemsize
    msg.data = array.tobytes()  # from bytes: by far the fastest way into a uint8[] field
    return msg


def camera_to_info(camera: PinholeCamera, header: Header) -> CameraInfo:
    """Return the message that describes a camera."""
    msg = CameraInfo(header=header, height=camera.height, width=camera.width, distortion_model=camera.model)
    msg.d = list(camera.distortion)
    msg.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    msg.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    msg.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return msg


def info_to_camera(msg: CameraInfo) -> PinholeCamera | None:
    """Return the camera that a message describes; None where it is uncalibrated (zero focal length).

    Its frame id gives the mount.

    Raises:
        TurretError: INVALID_ARGUMENT or NOT_SUPPORTED, see :func:`turret_common.geometry.lens_camera`.
    """
    if msg.k[0] <= 0.0 or msg.k[4] <= 0.0:
        return None
    camera = lens_camera(msg.width, msg.height, list(msg.k), msg.distortion_model or PLUMB_BOB, list(msg.d))
    return dataclasses.replace(camera, on_base=msg.header.frame_id.rpartition('/')[2] == BASE_CAMERA_FRAME)


class CameraInfoPublisher:
    """Publishes ``camera/camera_info``; everything but the stamp is serialized once per change of the camera."""

    def __init__(self, node: Node) -> None:
        self._described: tuple[PinholeCamera, str] | None = None
        self._data = b''
        self._publisher = node.create_publisher(CameraInfo, 'camera/camera_info', STREAM)

    def publish(self, camera: PinholeCamera, header: Header) -> None:
        """Publish the camera of the image that has this header."""
        if self._described != (camera, header.frame_id):
            self._described = camera, header.frame_id
            self._data = serialized(camera_to_info(camera, header))
        self._publisher.publish(with_stamp(self._data, nanoseconds(header.stamp)))


class CameraFeed:
    """The camera described by ``camera/camera_info``. For one thread.

    A message comes with every image and rarely changes: it is decoded only if it differs in more than the stamp.

    Attributes:
        camera: None before the first message and for an uncalibrated camera.
    """

    def __init__(self, node: Node) -> None:
        self.camera: PinholeCamera | None = None
        self._decoded = b''
        self._infos: PolledSubscription[Any] = PolledSubscription(
            node, CameraInfo, 'camera/camera_info', NEWEST, raw=True)

    def catch_up(self) -> PinholeCamera | None:
        """Take the messages that have arrived; return the camera."""
        for data in self._infos.take():
            if not same_but_stamp(data, self._decoded):
                self._decoded = data
                self.camera = info_to_camera(deserialize_message(data, CameraInfo))
        return self.camera
