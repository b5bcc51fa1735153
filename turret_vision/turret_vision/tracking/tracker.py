# SPDX-License-Identifier: Apache-2.0
"""Targets followed over time as bearings: association, states and identities.

Because a detection becomes a bearing with the head's pose at the image's own stamp, a turning head moves no target.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from turret_common.geometry import (
    Bearing,
    PinholeCamera,
    angle_between,
    base_from_optical,
    bearing_of,
    bearing_to_pixel,
    wrap_angle,
)
from turret_common.pose_history import Pose
from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.assignment import assign
from turret_vision.tracking.bearing_filter import Array, BearingFilter
from turret_vision.tracking.measurement_noise import NoiseEstimator
from turret_vision.vision_parameters import TrackerParameters

_SIZE_DEVIATION = 0.3    # of the logarithm of a target's size from image to image
_OTHER_CLASS_COST = 6.0  # squared deviations; a detector that wavers between classes may still be followed
_SIZE_MEMORY_S = 0.1
_MIN_COAST_S = 0.2
_COAST_PER_WATCHED = 2.0
_EDGE_PX = 2.0           # a box this close to the edge of the image may be cut off by it
_PART_NOISE = 0.25       # deviation of the center of a box that is cut off, as a part of its size
_TRUSTED_GATE = 2.0      # factor of the gate of a confirmed target, which may maneuver harder than its filter expects
_FRAGMENT = 0.5          # part of a detection inside that of a track from which it is a fragment, not a new target
_TENTATIVE_REACH = 0.1   # rad; the gate of a tentative target grows no wider during gaps
_SPARSE_HITS = 3         # more detections confirm a target that is seen in few of the images ...
_MISSES_PER_HIT = 4.0    # ... one for so many images without one
_RECOVERY_S = 0.3        # maximum gap that the last observation bridges
_RECOVERY_SIZE = 0.5     # maximum change of the logarithm of the size over the gap
_WITHIN = 0.7            # part of a box that must be inside another for it to be a piece of that
_COUNTS = 0.2            # minimum area of each of several targets as a share of the box around them
_FORBIDDEN = 1e9         # more than any cost of a pair


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A detection as a bearing.

    Attributes:
        bearing: of the center of the box.
        deviation: nominal standard deviations across and up, in rad.
        width: apparent size in rad.
        height: apparent size in rad.
        whole: False where it touches the edge of the image, so that part of the target may be unseen.
        detection: that it was made from.
    """

    bearing: Bearing
    deviation: tuple[float, float]
    width: float
    height: float
    whole: bool
    detection: Detection


def measure(
    detections: Sequence[Detection], camera: PinholeCamera, pose: Pose, pixel_noise: float, size_noise: float,
) -> list[Measurement]:
    """Return detections as bearings.

    Args:
        detections: in px of the image of ``camera``.
        camera: that took the image.
        pose: of the head when it was taken.
        pixel_noise: standard deviation of a box's center in px.
        size_noise: the same as a part of the box's size; adds to ``pixel_noise``.
    """
    to_base = base_from_optical(camera, pose.pan, pose.tilt)
    measurements = []
    for detection in detections:
        box = detection.box
        ray = camera.ray(box.x, box.y)
        x, y = float(ray[0] / ray[2]), float(ray[1] / ray[2])
        # A pixel away from the middle of the image spans less than one in the middle.
        squeeze = 1.0 + x * x + y * y
        across = math.sqrt(1.0 + y * y) / (squeeze * camera.fx)
        up = math.sqrt(1.0 + x * x) / (squeeze * camera.fy)
        whole = (
            box.left > _EDGE_PX and box.top > _EDGE_PX
            and box.right < camera.width - 1 - _EDGE_PX and box.bottom < camera.height - 1 - _EDGE_PX)
        noise = size_noise if whole else _PART_NOISE
        deviation = (math.hypot(pixel_noise, noise * box.width) * across,
                     math.hypot(pixel_noise, noise * box.height) * up)
        measurements.append(Measurement(
            bearing_of(to_base @ ray), deviation, box.width * across, box.height * up, whole, detection))
    return measurements


@dataclasses.dataclass(frozen=True)
class Track:
    """What is known of one target at one instant. Angles in rad in ``base_link``, rates in rad/s.

    Attributes:
        id: never used again.
        state: life cycle state.
        class_id: what most of its detections were.
        confidence: of its newest detection; NaN = the method gives none.
        bearing: estimated.
        azimuth_rate: estimated.
        elevation_rate: estimated.
        covariance: of azimuth, elevation and their rates, shape (4, 4).
        width: apparent size.
        height: apparent size.
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


class _Measurements:
    """Many measurements as arrays, to be compared with one target after the other."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self.azimuth = np.array([m.bearing.azimuth for m in measurements])
        self.elevation = np.array([m.bearing.elevation for m in measurements])
        self.variance = np.array([m.deviation for m in measurements]).reshape(-1, 2) ** 2
        self.log_size = np.log([max(m.width * m.height, 1e-12) for m in measurements])
        self.whole = np.array([m.whole for m in measurements])
        self.classes = [m.detection.class_id for m in measurements]


class _Target:
    """One target and its filter."""

    def __init__(self, number: int, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> None:
        self.id = str(number)
        self.filter = BearingFilter(measurement.bearing, measurement.deviation, parameters.initial_rate)
        self.width, self.height = measurement.width, measurement.height
        self._born_at = self.seen_at = stamp
        self.hits = 0
        self.confirmed = False
        self.tentative_misses = 1  # the first measurement takes it back
        self._noise = NoiseEstimator()
        self._classes: Counter[str] = Counter()
        self._note(measurement, stamp, parameters)

    @property
    def class_id(self) -> str:
        return self._classes.most_common(1)[0][0]

    def miss(self) -> None:
        """Count an image; :meth:`join` and :meth:`restart` take it back."""
        self.misses += 1
        self.tentative_misses += not self.confirmed

    def costs(self, measurements: _Measurements, parameters: TrackerParameters) -> Array:
        """Return how ill each measurement fits, as -2 log likelihood; infinity where it is impossible."""
        variance = measurements.variance * self._noise.scale**2
        distance, surprise = self.filter.compare(measurements.azimuth, measurements.elevation, variance)
        size = (measurements.log_size - math.log(max(self.width * self.height, 1e-12))) / 2.0
        own_class = self.class_id
        unlike = measurements.whole * (size / _SIZE_DEVIATION) ** 2 + _OTHER_CLASS_COST * np.array(
            [class_id != own_class for class_id in measurements.classes])
        bearing = self.filter.bearing
        across = (measurements.azimuth - bearing.azimuth + math.pi) % (2.0 * math.pi) - math.pi
        away = np.hypot(across * math.cos(bearing.elevation), measurements.elevation - bearing.elevation)
        reach = parameters.max_gate if self.confirmed else min(parameters.max_gate, _TENTATIVE_REACH)
        reach += 0.5 * max(self.width, self.height)
        gate = parameters.gate * (_TRUSTED_GATE if self.confirmed else 1.0)
        possible = (distance + unlike <= gate) & (away <= reach)
        return np.where(possible, surprise + unlike, np.inf)

    def join(self, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> bool:
        """Take a measurement; refuse it, and return False, where it would make the target implausibly fast."""
        updated = copy.copy(self.filter)
        across, up = measurement.deviation
        updated.update(measurement.bearing, (across * self._noise.scale, up * self._noise.scale))
        azimuth_rate, elevation_rate = updated.rates
        if math.hypot(azimuth_rate * math.cos(updated.bearing.elevation), elevation_rate) > parameters.max_rate:
            return False
        self.filter = updated
        self._note(measurement, stamp, parameters)
        return True

    def may_have_moved_to(self, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> bool:
        """Return whether a measurement that the filter refuses may be the target, moved since its last observation."""
        elapsed_s = stamp - self.seen_at
        if elapsed_s > _RECOVERY_S or measurement.detection.class_id != self.class_id:
            return False
        size = 0.5 * math.log(max(measurement.width * measurement.height, 1e-12) / max(self.width * self.height, 1e-12))
        if measurement.whole and abs(size) > _RECOVERY_SIZE:
            return False
        return angle_between(self._bearing, measurement.bearing) <= min(
            parameters.max_rate * elapsed_s, parameters.max_gate) + 0.5 * max(self.width, self.height)

    def restart(self, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> None:
        """Join a measurement and estimate the motion again from the gap since the last observation."""
        elapsed_s = stamp - self.seen_at
        rates = (wrap_angle(measurement.bearing.azimuth - self._bearing.azimuth) / elapsed_s,
                 (measurement.bearing.elevation - self._bearing.elevation) / elapsed_s)
        self.filter = BearingFilter(measurement.bearing, measurement.deviation, parameters.initial_rate, rates)
        self._note(measurement, stamp, parameters)

    def _note(self, measurement: Measurement, stamp: float, parameters: TrackerParameters) -> None:
        blend = 1.0 - math.exp((self.seen_at - stamp) / _SIZE_MEMORY_S)
        self.width += blend * (measurement.width - self.width)
        self.height += blend * (measurement.height - self.height)
        self.seen_at = stamp
        self.hits += 1
        self.misses = 0
        self.tentative_misses -= not self.confirmed
        extra = min(_SPARSE_HITS, math.ceil(self.tentative_misses / _MISSES_PER_HIT))
        self.confirmed = self.confirmed or self.hits >= parameters.confirm_hits + extra
        self._detection, self._bearing = measurement.detection, measurement.bearing
        self._classes[measurement.detection.class_id] += 1
        self._noise.add(stamp, measurement.bearing, measurement.deviation)

    def rate_difference(self, other: _Target) -> float:
        """Return the difference of the angular velocities, in rad/s."""
        (azimuth, elevation), (other_azimuth, other_elevation) = self.filter.rates, other.filter.rates
        return math.hypot(
            (azimuth - other_azimuth) * math.cos(self.filter.bearing.elevation), elevation - other_elevation)

    def state_at(self, stamp: float, parameters: TrackerParameters) -> TrackState:
        watched_s = self.seen_at - self._born_at  # what was seen only briefly is not predicted for long
        if stamp - self.seen_at > min(parameters.coast_s, max(_COAST_PER_WATCHED * watched_s, _MIN_COAST_S)):
            return TrackState.LOST
        if not self.confirmed:
            return TrackState.DETECTING if stamp - self.seen_at <= parameters.confirm_s else TrackState.LOST
        return TrackState.TRACKING if self.misses == 0 else TrackState.COASTING

    def snapshot(self, stamp: float, state: TrackState, box: Box | None) -> Track:
        return Track(
            self.id, state, self.class_id, self._detection.confidence, self.filter.bearing, *self.filter.rates,
            self.filter.covariance, self.width, self.height, self.hits, self.misses, stamp - self.seen_at, box)

    def box(self, camera: PinholeCamera, pose: Pose) -> Box | None:
        return self._detection.box if self.misses == 0 else self.expected_box(camera, pose)

    def expected_box(self, camera: PinholeCamera, pose: Pose) -> Box | None:
        pixel = bearing_to_pixel(camera, self.filter.bearing, pose.pan, pose.tilt)
        if pixel is None or not (0.0 <= pixel[0] < camera.width and 0.0 <= pixel[1] < camera.height):
            return None
        return Box(*pixel, self._detection.box.width, self._detection.box.height)


class Tracker:
    """Follows any number of targets from image to image.

    Attributes:
        parameters: may be replaced between images.
    """

    def __init__(self, parameters: TrackerParameters) -> None:
        self.parameters = parameters
        self._numbers = itertools.count(1)
        self._targets: list[_Target] = []
        self._stamp = -math.inf

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
        tracks: list[Track] = []
        if stamp <= self._stamp:
            if stamp > self._stamp - p.coast_s:
                return None
            tracks = [
                target.snapshot(self._stamp, TrackState.LOST, None) for target in self._targets if target.confirmed]
            self._targets = []
        for target in self._targets:
            target.filter.predict(stamp - self._stamp, p.steady_noise, p.maneuver)
        self._stamp = stamp
        detections = self._regroup(detections, camera, pose)
        self._associate(measure(detections, camera, pose, p.pixel_noise, p.size_noise), stamp)
        kept = []
        for target in self._targets:
            state = target.state_at(stamp, p)
            if state != TrackState.LOST:
                kept.append(target)
                tracks.append(target.snapshot(stamp, state, target.box(camera, pose)))
            elif target.confirmed:
                tracks.append(target.snapshot(stamp, state, None))
        self._targets = kept
        return tracks

    def _regroup(
            self, detections: Sequence[Detection], camera: PinholeCamera, pose: Pose) -> Sequence[Detection]:
        """Put together the pieces that a target has broken into, and leave out what holds several targets at once.

        Where targets overlap, each is predicted better by itself than measured by a box around all of them.
        """
        expected = [
            (target, box) for target in self._targets
            if target.confirmed and (box := target.expected_box(camera, pose)) is not None]
        for target, box in expected:
            pieces = [
                d for d in detections if d.class_id == target.class_id and box.overlap(d.box) > _WITHIN * d.box.area]
            rivals = [other for _, other in expected if other is not box]
            if len(pieces) > 1 and not any(other.overlap(d.box) > 0.0 for other in rivals for d in pieces):
                whole = Detection(target.class_id, Box.around([d.box for d in pieces]), pieces[0].confidence)
                detections = [*(d for d in detections if d not in pieces), whole]

        return [d for d in detections if not self._holds_several(d.box, expected)]

    def _holds_several(self, box: Box, expected: Sequence[tuple[_Target, Box]]) -> bool:
        """Return whether a box contains several targets that will separate, rather than pieces of one."""
        held = [
            target for target, own in expected
            if own.overlap(box) > _WITHIN * own.area and own.area > _COUNTS * box.area]
        return any(
            a.rate_difference(b) * self.parameters.coast_s > 0.5 * max(a.width, a.height, b.width, b.height)
            for a, b in itertools.combinations(held, 2))

    def _associate(self, measurements: list[Measurement], stamp: float) -> None:
        """Join measurements to targets and start new targets with the rest.

        Confirmed targets come first: by their filters, then by their last observations, so that a target that starts or
        turns more suddenly than its filter expects is not lost.
        """
        seen: list[Box] = []
        for target in self._targets:
            target.miss()
        for join in (self._join_confirmed, self._recover, self._join_tentative):
            taken = join(measurements, stamp)
            seen += [measurements[i].detection.box for i in taken]
            measurements = [m for i, m in enumerate(measurements) if i not in taken]
        for measurement in measurements:
            box, confidence = measurement.detection.box, measurement.detection.confidence
            fragment = any(box.overlap(other) > _FRAGMENT * box.area for other in seen)
            if (not fragment and not confidence < self.parameters.start_confidence
                    and len(self._targets) < self.parameters.max_tracks):
                self._targets.append(_Target(next(self._numbers), measurement, stamp, self.parameters))

    def _join_confirmed(self, measurements: list[Measurement], stamp: float) -> set[int]:
        return self._join([target for target in self._targets if target.confirmed], measurements, stamp)

    def _join_tentative(self, measurements: list[Measurement], stamp: float) -> set[int]:
        return self._join([target for target in self._targets if not target.confirmed], measurements, stamp)

    def _recover(self, measurements: list[Measurement], stamp: float) -> set[int]:
        """Join measurements that the filters refused to confirmed targets that were seen close by a moment ago.

        Where a measurement or a target has more than one candidate, neither is joined.
        """
        lost = [target for target in self._targets if target.confirmed and target.misses]
        pairs = [(target, i) for target in lost for i, m in enumerate(measurements)
                 if target.may_have_moved_to(m, stamp, self.parameters)]
        targets, columns = Counter(target.id for target, _ in pairs), Counter(i for _, i in pairs)
        unique = [(target, i) for target, i in pairs if targets[target.id] == columns[i] == 1]
        for target, i in unique:
            target.restart(measurements[i], stamp, self.parameters)
        return {i for _, i in unique}

    def _join(self, targets: list[_Target], measurements: list[Measurement], stamp: float) -> set[int]:
        """Join measurements to targets at minimum total cost; return the indices of the joined ones."""
        if not targets or not measurements:
            return set()
        arrays = _Measurements(measurements)
        cost = np.array([target.costs(arrays, self.parameters) for target in targets])
        return {
            column for row, column in assign(cost, _FORBIDDEN)
            if targets[row].join(measurements[column], stamp, self.parameters)}
