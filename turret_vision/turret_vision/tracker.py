"""Targets followed over time as bearings: association, states and identities.

Because a detection becomes a bearing with the head's pose at the image's own stamp, a turning head moves no target.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from turret_common.geometry import Bearing, PinholeCamera, angle_between, bearing_to_pixel, pixel_to_bearing
from turret_common.pose_history import Pose
from turret_vision.assignment import assign
from turret_vision.bearing_filter import Array, BearingFilter
from turret_vision.detection import Box, Detection
from turret_vision.vision_parameters import TrackerParameters

_SIZE_DEVIATION = 0.3    # of the logarithm of the size between images
_OTHER_CLASS_COST = 6.0  # squared deviations; a detector that wavers between classes may still be followed
_SIZE_BLEND = 0.3        # weight of the newest size
_SHADOWED = 0.5          # a detection this far inside that of a track is a piece of it, not a new target


class TrackState(IntEnum):
    """How far a track is trusted; the values of ``turret_msgs/msg/Track``."""

    DETECTING = 1
    TRACKING = 2
    COASTING = 3
    LOST = 4


class Measurement(NamedTuple):
    """A detection as a bearing: standard deviations across and up and apparent size in rad."""

    bearing: Bearing
    deviation: tuple[float, float]
    width: float
    height: float
    detection: Detection


def measure(
    detection: Detection, camera: PinholeCamera, pose: Pose, pixel_noise: float, size_noise: float,
) -> Measurement:
    """Return a detection, in px of the image of ``camera``, as a bearing seen from a head at ``pose``."""
    box = detection.box
    bearing = pixel_to_bearing(camera, box.x, box.y, pose.pan, pose.tilt)

    def extent(dx: float, dy: float) -> float:
        a = pixel_to_bearing(camera, box.x - dx, box.y - dy, pose.pan, pose.tilt)
        b = pixel_to_bearing(camera, box.x + dx, box.y + dy, pose.pan, pose.tilt)
        return angle_between(a, b)

    deviation = (
        math.hypot(pixel_noise, size_noise * box.width) / camera.fx,
        math.hypot(pixel_noise, size_noise * box.height) / camera.fy)
    return Measurement(bearing, deviation, extent(0.5 * box.width, 0.0), extent(0.0, 0.5 * box.height), detection)


@dataclasses.dataclass(frozen=True)
class Track:
    """What is known of one target at one instant. Angles in rad in ``base_link``, rates in rad/s.

    Attributes:
        id: never used again.
        covariance: of azimuth, elevation and their rates, shape (4, 4).
        hits: detections joined to it so far.
        misses: images in a row without a detection.
        unseen_s: since its last detection, in s.
        box: in px of the full image, predicted while it is not seen; None while it is outside the image.
    """

    id: str
    state: TrackState
    class_id: str
    confidence: float
    bearing: Bearing
    azimuth_rate: float
    elevation_rate: float
    covariance: Array
    width: float
    height: float
    hits: int
    misses: int
    unseen_s: float
    box: Box | None


class _Target:
    """One target and its filter."""

    def __init__(self, number: int, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> None:
        self.id = str(number)
        self.filter = BearingFilter(measurement.bearing, measurement.deviation, parameters.initial_rate)
        self.confirmed = False
        self.hits = 0
        self.misses = 0
        self.seen_at = stamp
        self.width, self.height = measurement.width, measurement.height
        self._classes: Counter[str] = Counter()
        self._note(measurement, stamp)
        self.confirmed = parameters.confirm_hits <= 1

    @property
    def class_id(self) -> str:
        return self._classes.most_common(1)[0][0]

    def cost(self, measurement: Measurement, parameters: TrackerParameters) -> float:
        """Return how ill a measurement fits, as -2 log likelihood; infinity where it is impossible."""
        difference, expected = self.filter.innovation(measurement.bearing, measurement.deviation)
        distance = float(difference @ np.linalg.solve(expected, difference))
        reach = parameters.max_gate + 0.5 * max(self.width, self.height)
        if distance > parameters.gate or angle_between(self.filter.bearing, measurement.bearing) > reach:
            return math.inf
        size = math.log(max(measurement.width * measurement.height, 1e-12) / max(self.width * self.height, 1e-12))
        other_class = measurement.detection.class_id != self.class_id
        return distance + (0.5 * size / _SIZE_DEVIATION) ** 2 + _OTHER_CLASS_COST * other_class

    def join(self, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> bool:
        """Take a measurement; refuse it, and return False, where it would make the target implausibly fast."""
        before = self.filter.state, self.filter.covariance
        self.filter.update(measurement.bearing, measurement.deviation)
        if self.filter.rate > parameters.max_rate:
            self.filter.state, self.filter.covariance = before
            return False
        self._note(measurement, stamp)
        self.confirmed = self.confirmed or self.hits >= parameters.confirm_hits
        return True

    def _note(self, measurement: Measurement, stamp: float) -> None:
        self.hits += 1
        self.misses = 0
        self.seen_at = stamp
        self.width += _SIZE_BLEND * (measurement.width - self.width)
        self.height += _SIZE_BLEND * (measurement.height - self.height)
        self.confidence = measurement.detection.confidence
        self.detection_box = measurement.detection.box
        self._classes[measurement.detection.class_id] += 1

    def state_at(self, stamp: float, parameters: TrackerParameters) -> TrackState:
        unseen = stamp - self.seen_at
        if unseen > (parameters.coast_s if self.confirmed else parameters.detecting_s):
            return TrackState.LOST
        if not self.confirmed:
            return TrackState.DETECTING
        return TrackState.TRACKING if self.misses == 0 else TrackState.COASTING

    def snapshot(self, stamp: float, camera: PinholeCamera, pose: Pose, parameters: TrackerParameters) -> Track:
        state = self.filter.state
        return Track(
            self.id, self.state_at(stamp, parameters), self.class_id, self.confidence, self.filter.bearing,
            float(state[2]), float(state[3]), self.filter.covariance, self.width, self.height, self.hits, self.misses,
            stamp - self.seen_at, self._box(camera, pose))

    def _box(self, camera: PinholeCamera, pose: Pose) -> Box | None:
        if self.misses == 0:
            return self.detection_box
        pixel = bearing_to_pixel(camera, self.filter.bearing, pose.pan, pose.tilt)
        if pixel is None or not (0.0 <= pixel[0] < camera.width and 0.0 <= pixel[1] < camera.height):
            return None
        return Box(*pixel, self.detection_box.width, self.detection_box.height)


class Tracker:
    """Follows any number of targets from image to image."""

    def __init__(self, parameters: TrackerParameters) -> None:
        self.parameters = parameters
        self._numbers = itertools.count(1)
        self._targets: list[_Target] = []
        self._stamp: float | None = None

    def step(
        self, detections: Sequence[Detection], camera: PinholeCamera, pose: Pose, stamp: float,
    ) -> list[Track] | None:
        """Advance to one image and return every track; those given up are among them once, as LOST.

        Args:
            detections: in px of the full image, which is the image of ``camera``.
            camera: that took the image.
            pose: of the head at ``stamp``.
            stamp: of the image in s. A stamp older than the last one gives None and changes nothing, unless it is so
                much older that the clock was set back or a recording began again: then every track is lost.
        """
        p = self.parameters
        lost: list[Track] = []
        if self._stamp is not None and stamp <= self._stamp:
            if stamp > self._stamp - p.coast_s:
                return None
            lost = [
                dataclasses.replace(target.snapshot(self._stamp, camera, pose, p), state=TrackState.LOST, box=None)
                for target in self._targets if target.confirmed]
            self._targets = []
        for target in self._targets:
            target.filter.predict(stamp - (self._stamp or stamp), p.acceleration_noise)
        self._stamp = stamp
        measurements = [measure(d, camera, pose, p.pixel_noise, p.size_noise) for d in detections]
        self._associate(measurements, stamp)
        tracks = lost + [
            track for target in self._targets
            if (track := target.snapshot(stamp, camera, pose, p)).state != TrackState.LOST or target.confirmed]
        self._targets = [t for t in self._targets if t.state_at(stamp, p) != TrackState.LOST]
        return tracks

    def _associate(self, measurements: list[Measurement], stamp: float) -> None:
        """Join measurements to targets, trusted ones first, and begin new targets with the rest."""
        p = self.parameters
        free = list(range(len(measurements)))
        seen: list[Box] = []
        for confirmed in (True, False):
            targets = [t for t in self._targets if t.confirmed == confirmed]
            cost = np.array([[t.cost(measurements[i], p) for i in free] for t in targets])
            cost = cost.reshape(len(targets), len(free))
            joined = {
                row: column for row, column in assign(cost, 2.0 * p.gate)
                if targets[row].join(measurements[free[column]], stamp, p)}
            for row, target in enumerate(targets):
                target.misses += row not in joined
            taken = set(joined.values())
            seen += [measurements[free[column]].detection.box for column in taken]
            free = [i for column, i in enumerate(free) if column not in taken]
        for i in free:
            box = measurements[i].detection.box
            shadowed = any(box.overlap(other) > _SHADOWED * box.area for other in seen)
            if not shadowed and len(self._targets) < p.max_tracks:
                self._targets.append(_Target(next(self._numbers), measurements[i], stamp, p))
