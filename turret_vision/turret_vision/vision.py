# SPDX-License-Identifier: Apache-2.0
"""From images to detections and tracks."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, Image, View, make_view
from turret_vision.detectors.detector import Detector
from turret_vision.detectors.optical_flow import FlowFollower
from turret_vision.detectors.registry import make_detector
from turret_vision.tracking.tracker import Track, Tracker
from turret_vision.vision_parameters import VisionParameters

#: Returns the head's pose at a stamp in s; None = unknown.
PoseAt = Callable[[float], Pose | None]
OnDetections = Callable[[list[Detection], float], None]
OnTracks = Callable[[list[Track]], None]

_OK = (ReasonCode.OK, '')
_LEVEL = Pose(0.0, 0.0)  # of a camera on the base, which does not turn with the head
_AVERAGED = 30  # images that rate and time are averaged over


@dataclasses.dataclass(frozen=True)
class Result:
    """What was made of one image.

    Attributes:
        detections: in px of the full image.
        tracks: all of them; None where the image could not be used for tracking.
        processing_s: time that the detector took.
    """

    detections: list[Detection]
    tracks: list[Track] | None
    processing_s: float


def _ignore(*_: object) -> None:
    """Take a result that the caller does not need early."""


def head_pose(camera: PinholeCamera | None, stamp: float, pose_at: PoseAt) -> Pose | None:
    """Return the pose with which a pixel becomes a bearing: the head's at ``stamp``, level for a camera on the base."""
    return _LEVEL if camera is not None and camera.on_base else pose_at(stamp)


class Vision:
    """Runs the chosen detector and the tracker over a stream of images."""

    def __init__(self, parameters: VisionParameters, clock: Callable[[], float] = time.perf_counter) -> None:
        """Prepare; the detector is made with the first image.

        Args:
            parameters: as on the node.
            clock: seconds that durations are measured with.
        """
        self._follower: FlowFollower | None = None
        self._start_problem = self._run_problem = self._pose_problem = _OK
        self._clock = clock
        self._parameters = parameters
        self._applied: VisionParameters | None = None
        self._tracker = Tracker(parameters.tracker)
        self._view: View | None = None
        self._stamps: deque[float] = deque(maxlen=_AVERAGED)
        self._durations: deque[float] = deque(maxlen=_AVERAGED)

    @property
    def detector(self) -> Detector[Any] | None:
        """The detector that runs; None while there is none."""
        return self._follower.detector if self._follower is not None else None

    @property
    def problem(self) -> tuple[ReasonCode, str]:
        """Code and sentence of what is wrong now."""
        problems = (self._start_problem, self._run_problem, self._pose_problem)
        return next((problem for problem in problems if problem[0] != ReasonCode.OK), _OK)

    @property
    def rate_hz(self) -> float:
        """Images processed per second, by their stamps; NaN = not known yet."""
        if len(self._stamps) < 2 or self._stamps[-1] <= self._stamps[0]:
            return math.nan
        return (len(self._stamps) - 1) / (self._stamps[-1] - self._stamps[0])

    @property
    def processing_s(self) -> float:
        """Mean time per image; NaN = none yet."""
        return sum(self._durations) / len(self._durations) if self._durations else math.nan

    def mask(self, width: int, height: int) -> Image | None:
        """Return which pixels of the newest image of ``width`` x ``height`` px the detector takes for parts of objects.

        The mask is smaller than the image by the factor of the detector's view: 255 = a part, 0 = none. None where the
        detector does not judge single pixels.
        """
        mask = self.detector.mask() if self.detector is not None else None
        view = self._view
        if mask is None or view is None or mask.shape != view.image.shape[:2]:
            return None
        rows, columns = mask.shape
        left, top = round(view.left / view.scale), round(view.top / view.scale)
        size = max(top + rows, round(height / view.scale)), max(left + columns, round(width / view.scale))
        whole = np.zeros(size, np.uint8)
        whole[top:top + rows, left:left + columns] = mask
        return whole

    def apply(self, parameters: VisionParameters) -> None:
        """Apply changed parameters. If a new detector cannot start, the present one stays; see ``problem``."""
        self._parameters = parameters

    def cycle(
            self, image: Image, stamp: float, camera: PinholeCamera | None, pose_at: PoseAt,
            on_detections: OnDetections = _ignore, on_tracks: OnTracks = _ignore) -> Result | None:
        """Run one perception cycle, as the vision node and the re-run of a bag do; None while vision is disabled.

        Args:
            image: BGR, shape (height, width, 3).
            stamp: time of exposure, in s.
            camera: camera that took the image, calibrated at any image size; None = uncalibrated.
            pose_at: returns the head's pose at a stamp; not called for a camera on the base.
            on_detections: called with the detections and the processing time in s before tracking starts.
            on_tracks: called with the tracks before the detector updates its model.
        """
        if not self._parameters.enabled:
            return None
        return self.process(image, stamp, camera, head_pose(camera, stamp, pose_at), on_detections, on_tracks)

    def cycle_on_detections(
            self, detections: list[Detection], size: tuple[int, int], stamp: float, camera: PinholeCamera | None,
            pose_at: PoseAt) -> list[Track] | None:
        """Run the tracking half of :meth:`cycle` on detections of an image of ``size`` (width, height) in px."""
        if not self._parameters.enabled:
            return None
        if camera is not None:
            camera = camera.scaled(*size)
        return self._track(detections, stamp, camera, head_pose(camera, stamp, pose_at))

    def process(
            self, image: Image, stamp: float, camera: PinholeCamera | None, pose: Pose | None,
            on_detections: OnDetections = _ignore, on_tracks: OnTracks = _ignore) -> Result:
        """Detect in one image, track, then update the detector's model; arguments as for :meth:`cycle`.

        ``pose`` is the head's at ``stamp``; None = unknown.
        """
        if camera is not None:
            camera = camera.scaled(image.shape[1], image.shape[0])
        began = self._clock()
        self._prepare()
        detections = self._detect(image, stamp, camera, pose)
        processing_s = self._clock() - began
        self._stamps.append(stamp)
        self._durations.append(processing_s)
        on_detections(detections, processing_s)
        tracks = self._track(detections, stamp, camera, pose)
        if tracks is not None:
            on_tracks(tracks)
        self._update_detector()
        return Result(detections, tracks, processing_s)

    def _update_detector(self) -> None:
        """Let the detector update its model from the image, which can wait until the tracks are published."""
        try:
            if self.detector is not None:
                self.detector.update()
        except cv2.error as error:
            self._run_problem = (ReasonCode.DETECTOR_FAILED, str(error))

    def _prepare(self) -> None:
        """Bring the detector and the tracker in line with the parameters."""
        new = self._parameters
        if new is self._applied:
            return
        self._applied = new
        detector = self.detector
        self._start_problem = _OK
        if detector is not None and new.method == detector.name and detector.tune(getattr(new, new.method)):
            return
        try:
            self._follower = FlowFollower(make_detector(new))
        except TurretError as error:
            self._start_problem = (error.code, error.message)

    def _detect(
            self, image: Image, stamp: float, camera: PinholeCamera | None, pose: Pose | None) -> list[Detection]:
        if self._follower is None:
            return []
        p = self._parameters
        self._follower.every = p.every
        detector = self._follower.detector
        view = self._view = make_view(image, stamp, detector.width, p.region, pose, camera, detector.exact_width)
        try:
            seen = self._follower.detect(view)
            self._run_problem = _OK
        except TurretError as error:
            seen, self._run_problem = [], (error.code, error.message)
        except cv2.error as error:
            seen, self._run_problem = [], (ReasonCode.DETECTOR_FAILED, str(error))
        found = (dataclasses.replace(d, box=view.in_full_image(d.box)) for d in seen)
        return [
            d for d in found
            if (not p.classes or d.class_id in p.classes) and not d.confidence < p.min_confidence
            and min(d.box.width, d.box.height) >= p.min_size]

    def _track(
            self, detections: list[Detection], stamp: float, camera: PinholeCamera | None,
            pose: Pose | None) -> list[Track] | None:
        """Update the tracker with the detections of one image; return None where they cannot be tracked."""
        self._tracker.parameters = self._parameters.tracker
        if camera is None:
            self._pose_problem = (ReasonCode.NO_CALIBRATION, 'no camera_info yet: detections are not tracked')
            return None
        if pose is None:
            self._pose_problem = (ReasonCode.NO_POSE, 'no gimbal pose for the stamp of the image: it is not tracked')
            return None
        self._pose_problem = _OK
        return self._tracker.step(detections, camera, pose, stamp)
