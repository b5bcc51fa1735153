# SPDX-License-Identifier: Apache-2.0
"""The action that measures the lens of the camera from views of a board."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rclpy.action import CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from turret_camera.frame import Frame
from turret_camera.lens.calibration_file import save_calibration
from turret_camera.lens.calibrator import Board, Lens, LensCalibration
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.ros.critical import result_of
from turret_common.ros.deferred_response import DeferredActionServer
from turret_common.ros.node import finish
from turret_msgs.action import CalibrateCamera

_LOOK_S = 0.2          # between two looks at the board
_TIMEOUT_S = 300.0    # without a new view
_NO_FRAMES_S = 5.0
_COLUMNS, _ROWS, _MARKER, _VIEWS = 9, 6, 0.75, 20

_log = logging.getLogger(__name__)


class RosCalibration:
    """The action server ``camera/calibrate``; looking and computing are done in a thread of its own."""

    def __init__(
            self, node: Node, newest: Callable[[], Frame | None], file: Path,
            accept: Callable[[PinholeCamera], None]) -> None:
        """Offer it.

        Args:
            node: the camera node.
            newest: returns the newest frame.
            file: that a calibration is written to.
            accept: takes the lens that was found.
        """
        self._node, self._newest, self._file, self._accept = node, newest, file, accept
        self._busy = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='calibration')
        self._ending = threading.Event()
        self._server = DeferredActionServer(
            node, CalibrateCamera, 'camera/calibrate', self._execute, cancel_callback=lambda _: CancelResponse.ACCEPT)

    def close(self) -> None:
        """End a calibration that runs, and take the server down."""
        self._ending.set()
        self._worker.shutdown()
        self._server.destroy()

    async def _execute(self, goal: ServerGoalHandle) -> CalibrateCamera.Result:
        result = CalibrateCamera.Result(rms=math.nan, horizontal_fov=math.nan)
        request = goal.request
        try:
            if self._busy:
                raise TurretError(ReasonCode.BUSY, 'a calibration is under way')
            board = Board(request.board, request.columns or _COLUMNS, request.rows or _ROWS, request.marker or _MARKER)
            calibration = LensCalibration(board, request.views or _VIEWS)
            self._busy = True
            try:
                lens = await result_of(self._node, self._worker.submit(self._work, goal, calibration))
            finally:
                self._busy = False
            result.rms, result.horizontal_fov = lens.rms_px, lens.horizontal_fov
            result.file, result.message = str(self._file), f'{lens.views} views; used from now on'
            finish(goal, result, None)
        except TurretError as error:
            finish(goal, result, error)
        return result

    def _work(self, goal: ServerGoalHandle, calibration: LensCalibration) -> Lens:
        try:
            return self._collect(goal, calibration)
        except TurretError:
            raise
        except Exception as error:
            _log.exception('calibration')
            raise TurretError(ReasonCode.INTERNAL_ERROR, f'{type(error).__name__}: {error}') from error

    def _collect(self, goal: ServerGoalHandle, calibration: LensCalibration) -> Lens:
        looked: Frame | None = None
        waited_s = frameless_s = 0.0
        while not calibration.complete:
            if self._ending.wait(_LOOK_S) or goal.is_cancel_requested:
                raise TurretError(ReasonCode.CANCELLED, 'cancelled')
            waited_s, frameless_s = waited_s + _LOOK_S, frameless_s + _LOOK_S
            frame = self._newest()
            if frame is not None and frame is not looked:
                looked, frameless_s = frame, 0.0
                if calibration.offer(np.asarray(cv2.cvtColor(frame.pixels(), cv2.COLOR_BGR2GRAY), np.uint8)):
                    waited_s = 0.0
            if frameless_s > _NO_FRAMES_S:
                raise TurretError(ReasonCode.NO_FRAMES, 'the camera delivers no images')
            if waited_s > _TIMEOUT_S:
                raise TurretError(ReasonCode.TIMED_OUT, f'no new view of the board for {_TIMEOUT_S:g} s')
            self._report(goal, calibration, calibration.prompt)
        self._report(goal, calibration, 'computing')
        lens = calibration.solve()
        save_calibration(self._file, lens.camera)
        self._accept(lens.camera)
        return lens

    @staticmethod
    def _report(goal: ServerGoalHandle, calibration: LensCalibration, prompt: str) -> None:
        feedback: Any = CalibrateCamera.Feedback(
            views=calibration.views, progress=calibration.progress, prompt=prompt)
        goal.publish_feedback(feedback)
