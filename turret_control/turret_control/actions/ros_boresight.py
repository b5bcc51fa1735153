# SPDX-License-Identifier: Apache-2.0
"""Boresight calibration action: finds the laser dot in the image and sets the boresight from it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image

from turret_common.errors import TurretError
from turret_common.permit import PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_common.ros.deferred_response import DeferredActionServer
from turret_common.ros.images import image_to_array
from turret_common.ros.node import finish
from turret_common.ros.qos import NEWEST
from turret_common.validation import require_range
from turret_control.boresight.boresight import Boresight, Dot, fit_boresight
from turret_control.boresight.laser_dot import find_dot
from turret_control.controller.controller import Controller
from turret_control.controller.task import Mode
from turret_msgs.action import CalibrateBoresight
from turret_msgs.srv import Fire

_IMAGES = 4            # averaged with emission off, and with emission on
_PULSE_S = 0.6
_EMISSION_DELAY_S = 0.15  # from the accepted fire request to images with the dot
_MOVE_S, _MAX_MOVE_S = 10.0, 60.0  # for the operator to change the distance
_TIMEOUT_S = 3.0
_COOLDOWN_S, _RETRY_S = 12.0, 0.2  # for the duty limit of the laser, whose window is 10 s
_MAX_RANGES = 10

_Pixels = npt.NDArray[np.uint8]


class BoresightCalibration:
    """Action server ``controller/calibrate_boresight``. The laser must be armed and the head must be stationary."""

    def __init__(self, node: Node, permit: PermitMonitor, controller: Controller,
                 accept: Callable[[Boresight], None]) -> None:
        """``controller`` provides camera and pose; ``accept`` receives the boresight."""
        self._node, self._permit, self._controller, self._accept = node, permit, controller, accept
        self._laser = node.create_client(Fire, 'laser/fire')
        self._busy = False
        self._server = DeferredActionServer(
            node, CalibrateBoresight, 'controller/calibrate_boresight', self._execute,
            cancel_callback=lambda _: CancelResponse.ACCEPT)

    def destroy(self) -> None:
        """Destroy the server."""
        self._server.destroy()

    async def _execute(self, goal: ServerGoalHandle) -> CalibrateBoresight.Result:
        result = CalibrateBoresight.Result(residual=math.nan)
        try:
            self._permit.check_lease(goal.request.lease_id, time.monotonic_ns())
            if self._busy:
                raise TurretError(ReasonCode.BUSY, 'a calibration is in progress')
            self._busy = True
            try:
                found = await self._find(goal)
            finally:
                self._busy = False
            self._accept(found)
            result.residual = found.residual
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        return result

    async def _find(self, goal: ServerGoalHandle) -> Boresight:
        ranges, target = list(goal.request.ranges), self._controller.target
        camera = target.camera
        if not 1 <= len(ranges) <= _MAX_RANGES:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'1 to {_MAX_RANGES} distances are required')
        for range_m in ranges:
            require_range('distance', range_m, 0.1, 100.0)
        move_s = goal.request.move_s or _MOVE_S
        require_range('move_s', move_s, 0.0, _MAX_MOVE_S)
        if self._controller.mode not in (Mode.IDLE, Mode.MANUAL):
            raise TurretError(ReasonCode.WRONG_MODE, 'the head must be stationary: change to manual mode')
        if camera is None:
            raise TurretError(ReasonCode.NO_CALIBRATION, 'no camera_info received yet')
        dots = []
        for i, range_m in enumerate(ranges):
            if i:
                goal.publish_feedback(CalibrateBoresight.Feedback(
                    measured=i, prompt=f'Bring a surface to {range_m:g} m within {move_s:g} s.'))
                await self._pause(move_s)
            background = await self._images(goal)
            await self._fire(goal)
            await self._pause(_EMISSION_DELAY_S)
            pixel = find_dot(background, await self._images(goal))
            if pixel is None:
                raise TurretError(ReasonCode.CALIBRATION_FAILED, f'no laser dot was found at {range_m:g} m')
            pose = self._controller.head.model.head_pose
            dots.append(Dot(*pixel, range_m, pose.pan, pose.tilt))
        return fit_boresight(dots, camera, camera_at=target.sight.camera_at)

    async def _fire(self, goal: ServerGoalHandle) -> None:
        """Fire one pulse, as soon as the duty limit and cooldown of the laser permit it."""
        request = Fire.Request(lease_id=goal.request.lease_id, pulses=1, pulse_s=_PULSE_S)
        deadline = time.monotonic() + _COOLDOWN_S
        while True:
            if not self._laser.service_is_ready():
                raise TurretError(ReasonCode.NOT_READY, 'the laser node does not respond')
            answer: Any = await self._laser.call_async(request)
            if answer.success:
                return
            cooling = answer.code in (ReasonCode.COOLDOWN, ReasonCode.DUTY_EXCEEDED)
            if not cooling or goal.is_cancel_requested or time.monotonic() > deadline:
                raise TurretError(ReasonCode(answer.code), answer.message)
            await self._pause(_RETRY_S)

    async def _pause(self, seconds: float) -> None:
        done = Future()
        timer = self._node.create_timer(seconds, lambda: done.set_result(None))
        await done
        self._node.destroy_timer(timer)

    async def _images(self, goal: ServerGoalHandle) -> list[_Pixels]:
        """Return the next ``_IMAGES`` images."""
        if goal.is_cancel_requested:
            raise TurretError(ReasonCode.CANCELLED, 'cancelled')
        images: list[_Pixels] = []
        done = Future()

        def take(message: Image) -> None:
            images.append(np.array(image_to_array(message), dtype=np.uint8))
            if len(images) == _IMAGES:
                done.set_result(None)

        subscription = self._node.create_subscription(Image, 'camera/image_raw', take, NEWEST)
        timer = self._node.create_timer(_TIMEOUT_S, lambda: done.set_result(None))
        await done
        self._node.destroy_subscription(subscription)
        self._node.destroy_timer(timer)
        if len(images) < _IMAGES:
            raise TurretError(ReasonCode.NO_FRAMES, 'no images from the camera')
        return images[:_IMAGES]
