"""From images to detections and tracks."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable

import cv2

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Detection, Detector, Image, LearningDetector, make_view
from turret_vision.detectors.optical_flow import FlowFollower
from turret_vision.detectors.registry import make_detector
from turret_vision.tracking.tracker import Track, Tracker
from turret_vision.vision_parameters import VisionParameters

_OK = (ReasonCode.OK, '')
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
        self._stamps: deque[float] = deque(maxlen=_AVERAGED)
        self._durations: deque[float] = deque(maxlen=_AVERAGED)

    @property
    def detector(self) -> Detector | None:
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

    def apply(self, parameters: VisionParameters) -> None:
        """Take changed parameters. Where a new detector cannot start, the present one stays; ``problem`` says why."""
        self._parameters = parameters

    def process(self, image: Image, stamp: float, camera: PinholeCamera | None, pose: Pose | None) -> Result:
        """Look at one image and learn from it.

        Args:
            image: BGR, shape (height, width, 3).
            stamp: when its light was collected, in s.
            camera: that took it, of any image size; None = uncalibrated.
            pose: of the head at ``stamp``; None = unknown.
        """
        if camera is not None:
            camera = camera.scaled(image.shape[1], image.shape[0])
        detections, processing_s = self.detect(image, stamp, camera, pose)
        tracks = self.track(detections, stamp, camera, pose)
        self.learn()
        return Result(detections, tracks, processing_s)

    def detect(
            self, image: Image, stamp: float, camera: PinholeCamera | None, pose: Pose | None,
    ) -> tuple[list[Detection], float]:
        """Return what is in one image, and the time in s that the detector took; as :meth:`process`.

        ``camera`` is for an image of this size.
        """
        began = self._clock()
        self._prepare()
        detections = self._detect(image, stamp, camera, pose)
        processing_s = self._clock() - began
        self._stamps.append(stamp)
        self._durations.append(processing_s)
        return detections, processing_s

    def learn(self) -> None:
        """Let the detector learn from the image, which can wait until everybody has its detections and tracks."""
        if isinstance(self.detector, LearningDetector):
            try:
                self.detector.learn()
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
        if detector is not None and new.method == detector.method and detector.tune(getattr(new, new.method)):
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
        view = make_view(image, stamp, self._follower.detector.width, p.region, pose, camera)
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

    def track(
            self, detections: list[Detection], stamp: float, camera: PinholeCamera | None,
            pose: Pose | None) -> list[Track] | None:
        """Follow what :meth:`detect` found in one image; None where it could not be used."""
        self._tracker.parameters = self._parameters.tracker
        if camera is None:
            self._pose_problem = (ReasonCode.NO_CALIBRATION, 'no camera_info yet: detections are not tracked')
            return None
        if pose is None:
            self._pose_problem = (ReasonCode.NO_POSE, 'no gimbal pose for the stamp of the image: it is not tracked')
            return None
        self._pose_problem = _OK
        return self._tracker.step(detections, camera, pose, stamp)
