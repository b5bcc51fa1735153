"""Detection of motion, also while the head turns.

Each pixel of the room has two models of its brightness, as in Yi et al., "Detection of Moving Objects with
Non-stationary Cameras in 5.8 ms" (CVPR workshops 2013): the one believed, and a candidate that replaces it once it has
been seen for longer. What deviates from the believed model moves. The models live on a canvas: the image plane of the
head at an anchor pose, with a margin. An image from another pose is warped onto it by the homography K R K^-1 of the
head's known rotation, corrected by the small shift that remains in the pictures themselves, so that a late stamp or a
backlash does not make the room move.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.geometry import BODY_FROM_OPTICAL, PinholeCamera, base_from_head
from turret_common.pose_history import Pose
from turret_vision.detection import Box, Detection, Image, View
from turret_vision.vision_parameters import MotionParameters

Array = npt.NDArray[np.float64]
Layer = npt.NDArray[np.float32]

_MARGIN = 0.25            # of the canvas on each side, as a part of the image
_NOISE_FLOOR = 2.5 ** 2   # least variance of a pixel, in squared gray levels
_NEW_VARIANCE = 5.0 ** 2  # of a pixel just seen for the first time
_LARGEST_STEP_S = 0.5     # longer pauses between images teach no more than this
_YIELD = 3.0              # a candidate replaces what is believed once it is this many times older
_UPSET = 0.5              # part of the image that may move at once; more is a change of light, or a knock
_SETTLED_S = 0.1          # younger parts of the model are no guide for the registration
_STILL_PX = 0.05          # smaller displacements of the image are none
_LARGEST_SHIFT_PX = 16.0  # that the registration may correct
_SAMPLED = 8              # every so many px in each direction tell the exposure
_GAIN_TOLERANCE = 8.0     # gray levels by which pixels may deviate from an exposure that explains them
_LARGEST_GAIN = 2.0       # a larger change of exposure makes the model follow
_SHADOW_WINDOW = (7, 7)
_DARKEST_SHADOW = 0.5
_SHADOW_SPREAD = 0.05
_PATTERN = 0.03
_OPEN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


class MotionDetector:
    """Finds what moves against the room."""

    method = 'motion'
    mode = ''

    def __init__(self, parameters: MotionParameters) -> None:
        self._parameters = parameters
        self._canvas: _Canvas | None = None
        self._stamp = 0.0

    @property
    def width(self) -> int:
        """Width in px that it wants the image reduced to."""
        return self._parameters.width

    def tune(self, parameters: MotionParameters) -> bool:
        """Take changed parameters; what was learned is kept."""
        self._parameters = parameters
        return True

    def detect(self, view: View) -> list[Detection]:
        """Return what moves in a view. The first image of a room only teaches."""
        gray: Image = cv2.GaussianBlur(view.gray, (5, 5), 0)  # type: ignore[assignment]
        dt = view.stamp - self._stamp
        self._stamp = view.stamp
        if self._canvas is None or not self._canvas.fits(gray.shape, view.camera) or dt <= 0.0:
            self._canvas = _Canvas(gray.shape, view.camera)
            dt = 0.0
        moving = self._canvas.step(
            gray, view.pose, min(dt, _LARGEST_STEP_S), self._parameters.sensitivity, self._parameters.memory_s)
        return self._objects(moving, view)

    def _objects(self, moving: Image, view: View) -> list[Detection]:
        moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, _OPEN)  # type: ignore[assignment]
        reach = 2 * round(0.5 * self._parameters.join * moving.shape[1]) + 1
        joined = cv2.dilate(moving, np.ones((reach, reach), np.uint8))
        count, labels = cv2.connectedComponents(joined, connectivity=8, ltype=cv2.CV_16U)
        labels = np.where(moving > 0, labels, 0)
        found = []
        min_area = view.area(self._parameters.min_area)
        for label in range(1, count):
            region = (labels == label).view(np.uint8)
            if np.count_nonzero(region) >= min_area:
                found.append(Detection('motion', Box.from_rect(*map(float, cv2.boundingRect(region)))))
        return found


class _Canvas:
    """The models of the room around an anchor pose."""

    def __init__(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> None:
        height, width = shape
        self._height, self._width = height, width
        self._camera = camera
        self._left, self._top = round(_MARGIN * width), round(_MARGIN * height)
        size = (height + 2 * self._top, width + 2 * self._left)
        self._anchor: Pose | None = None
        self._gain = 1.0
        self._mean: Layer = np.zeros(size, np.float32)
        self._variance: Layer = np.zeros(size, np.float32)
        self._age: Layer = np.zeros(size, np.float32)
        self._other: Layer = np.zeros(size, np.float32)
        self._other_age: Layer = np.zeros(size, np.float32)

    def fits(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> bool:
        """Return whether the models were made for such images."""
        return shape == (self._height, self._width) and camera == self._camera

    def step(self, gray: Image, pose: Pose | None, dt: float, sensitivity: float, memory_s: float) -> Image:
        """Return the mask of what moves in an image, then learn from the image."""
        if self._anchor is None:
            self._anchor = pose
        to_canvas = self._to_canvas(pose)
        if not self._inside(to_canvas):
            self._move_anchor(pose)
            to_canvas = self._to_canvas(pose)
        still = bool(np.abs(to_canvas - _shift(self._left, self._top)).max() < _STILL_PX)
        if still:
            area = (slice(self._top, self._top + self._height), slice(self._left, self._left + self._width))
            warped, valid = gray, np.full_like(gray, 255)
        else:
            area, warped, valid, to_canvas = self._register(gray, to_canvas)
        self._gain = self._best_gain(area, warped, valid)
        if not 1.0 / _LARGEST_GAIN < self._gain < _LARGEST_GAIN:
            self._follow_exposure()
        moving = self._compare(area, warped, valid, sensitivity, 0 if still else 1)
        if np.count_nonzero(moving) > _UPSET * np.count_nonzero(valid):
            self._age[:] = 0.0
            self._other_age[:] = 0.0
            moving[:] = 0
        self._learn(area, warped, valid, moving, dt, sensitivity, memory_s)
        if still:
            return moving
        from_area = np.linalg.inv(to_canvas) @ _shift(area[1].start, area[0].start)
        return cv2.warpPerspective(moving, from_area, (self._width, self._height), flags=cv2.INTER_NEAREST)  # type: ignore[return-value]

    def _to_canvas(self, pose: Pose | None) -> Array:
        """Return the homography from an image at ``pose`` to the canvas."""
        shift = _shift(self._left, self._top)
        if pose is None or self._anchor is None or self._camera is None:
            return shift
        camera = self._camera
        intrinsic = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
        rotation = _base_from_optical(self._anchor).T @ _base_from_optical(pose)
        homography = shift @ intrinsic @ rotation @ np.linalg.inv(intrinsic)
        return np.asarray(homography / homography[2, 2])

    def _corners(self, to_canvas: Array) -> Array | None:
        """Return where an image's corners are on the canvas; None where the anchor's camera would not see them."""
        corners = np.array([
            [0.0, 0.0, 1.0], [self._width - 1.0, 0.0, 1.0], [self._width - 1.0, self._height - 1.0, 1.0],
            [0.0, self._height - 1.0, 1.0]]) @ to_canvas.T
        return None if corners[:, 2].min() < 0.2 else corners[:, :2] / corners[:, 2:]

    def _inside(self, to_canvas: Array) -> bool:
        corners = self._corners(to_canvas)
        return corners is not None and bool(
            corners.min() >= 0.0 and corners[:, 0].max() <= self._mean.shape[1] - 1.0
            and corners[:, 1].max() <= self._mean.shape[0] - 1.0)

    def _move_anchor(self, pose: Pose | None) -> None:
        """Make ``pose`` the anchor and carry over what is known of the room there."""
        margin = _shift(self._left, self._top)
        to_old = self._to_canvas(pose) @ np.linalg.inv(margin)
        self._anchor = pose
        height, width = self._mean.shape

        def carried(layer: Layer, flags: int) -> Layer:
            return cv2.warpPerspective(layer, to_old, (width, height), flags=flags | cv2.WARP_INVERSE_MAP)  # type: ignore[return-value]

        known = cv2.warpPerspective(
            np.ones((height, width), np.uint8), to_old, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
        known = cv2.erode(known, np.ones((5, 5), np.uint8)).astype(np.float32)
        if self._corners(to_old @ margin) is None:
            known[:] = 0.0
        self._mean = carried(self._mean, cv2.INTER_LINEAR)
        self._variance = carried(self._variance, cv2.INTER_LINEAR)
        self._other = carried(self._other, cv2.INTER_LINEAR)
        self._age = carried(self._age, cv2.INTER_NEAREST) * known
        self._other_age = carried(self._other_age, cv2.INTER_NEAREST) * known

    def _register(self, gray: Image, to_canvas: Array) -> tuple[tuple[slice, slice], Image, Image, Array]:
        """Warp an image onto the canvas, with the shift that remains between model and image put right.

        Returns:
            The area of the canvas that it covers, the image warped there, what of it is valid, and the homography.
        """
        area, warped, valid = self._warp(gray, to_canvas)
        shift = self._remaining_shift(area, warped)
        if shift is not None and float(np.abs(shift).max()) > _STILL_PX:
            to_canvas = _shift(-float(shift[0]), -float(shift[1])) @ to_canvas
            area, warped, valid = self._warp(gray, to_canvas)
        return area, warped, valid, to_canvas

    def _warp(self, gray: Image, to_canvas: Array) -> tuple[tuple[slice, slice], Image, Image]:
        corners = self._corners(to_canvas)
        assert corners is not None  # the anchor was moved close to the pose
        height, width = self._mean.shape
        left, top = (max(0, math.floor(v)) for v in corners.min(axis=0))
        right, bottom = min(width, math.ceil(corners[:, 0].max()) + 1), min(height, math.ceil(corners[:, 1].max()) + 1)
        size = (right - left, bottom - top)
        matrix = _shift(-left, -top) @ to_canvas
        warped = cv2.warpPerspective(gray, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        valid = np.zeros(warped.shape, np.uint8)
        quad = np.round(corners - (left, top)).astype(np.int32)
        cv2.fillConvexPoly(valid, quad, 255)
        cv2.polylines(valid, [quad], True, 0, 3)
        return (slice(top, bottom), slice(left, right)), warped, valid  # type: ignore[return-value]

    def _remaining_shift(self, area: tuple[slice, slice], warped: Image) -> Array | None:
        """Return by how many px the image lies beside the model; None where the pictures do not say."""
        model = np.clip(self._mean[area], 0.0, 255.0).astype(np.uint8)
        settled = (self._age[area] > _SETTLED_S).view(np.uint8)
        points = cv2.goodFeaturesToTrack(model, 80, 0.02, 10.0, mask=cv2.erode(settled, np.ones((9, 9), np.uint8)))
        if points is None or len(points) < 8:
            return None
        found, ok, _ = cv2.calcOpticalFlowPyrLK(model, warped, points, None, winSize=(15, 15), maxLevel=2)  # type: ignore[call-overload]
        moves = (found - points)[ok.ravel() == 1].reshape(-1, 2)
        if len(moves) < 8:
            return None
        middle = np.median(moves, axis=0)
        agreeing = moves[np.abs(moves - middle).max(axis=1) < 1.5]
        if len(agreeing) < max(8, 0.4 * len(moves)) or np.abs(middle).max() > _LARGEST_SHIFT_PX:
            return None
        return np.asarray(agreeing.mean(axis=0), np.float64)

    def _best_gain(self, area: tuple[slice, slice], image: Image, valid: Image) -> float:
        """Return the exposure of the image relative to the model, as most of the picture has it."""
        every = (slice(None, None, _SAMPLED), slice(None, None, _SAMPLED))
        known = (valid[every] > 0) & (self._age[area][every] > 0.0)
        model, seen = self._mean[area][every][known], image[every][known].astype(np.float32)
        usable = (model > 8.0) & (seen < 250.0)
        if np.count_nonzero(usable) < _SAMPLED:
            return 1.0
        candidates = (1.0, self._gain, float(np.median(seen[usable] / model[usable])))
        agreeing = [np.count_nonzero(np.abs(seen - gain * model) < _GAIN_TOLERANCE) for gain in candidates]
        return candidates[int(np.argmax(agreeing))]

    def _follow_exposure(self) -> None:
        """Express the model in the exposure of the newest image."""
        self._mean *= self._gain
        self._other *= self._gain
        self._variance *= self._gain**2
        self._gain = 1.0

    def _compare(
            self, area: tuple[slice, slice], image: Image, valid: Image, sensitivity: float, slack: int) -> Image:
        """Return the mask of pixels that deviate from everything believed within ``slack`` px around them."""
        low = high = self._mean[area]
        if slack:
            kernel = np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)
            low, high = cv2.erode(low, kernel), cv2.dilate(high, kernel)  # type: ignore[assignment]
        brightness = image * np.float32(1.0 / self._gain)
        deviation = np.maximum(brightness - high, low - brightness)
        np.maximum(deviation, 0.0, out=deviation)
        limit = sensitivity * np.maximum(self._variance[area], _NOISE_FLOOR)
        moving = (deviation * deviation > limit) & (self._age[area] > 0.0)
        moving &= ~_shadow(brightness, self._mean[area])
        return cv2.bitwise_and(moving.view(np.uint8) * np.uint8(255), valid)  # type: ignore[return-value]

    def _learn(
            self, area: tuple[slice, slice], image: Image, valid: Image, moving: Image, dt: float, sensitivity: float,
            memory_s: float) -> None:
        mean, variance, age = self._mean[area], self._variance[area], self._age[area]
        other, other_age = self._other[area], self._other_age[area]
        seen, moved = valid > 0, moving > 0
        brightness = image * np.float32(1.0 / self._gain)

        # Where it agrees with what is believed: average over the time seen, at most over the memory.
        agrees = seen & ~moved
        weight = np.where(agrees, dt / np.maximum(age + dt, 1e-6), 0.0).astype(np.float32)
        difference = brightness - mean
        mean += weight * difference
        variance += weight * (difference * difference - variance)
        new = seen & (age == 0.0)
        mean[new], variance[new] = brightness[new], _NEW_VARIANCE
        np.minimum(age + np.where(agrees, max(dt, 1e-3), 0.0), memory_s, out=age, casting='same_kind')

        # Where it deviates: teach the candidate, or begin a new one.
        difference = brightness - other
        fits = difference * difference < sensitivity * _NOISE_FLOOR * 2.0
        follows = moved & fits
        other += np.where(follows, dt / np.maximum(other_age + dt, 1e-6), 0.0).astype(np.float32) * difference
        begins = moved & ~fits
        other[begins] = brightness[begins]
        other_age[begins] = 0.0
        other_age[moved] += dt
        np.minimum(other_age, memory_s, out=other_age)
        swap = moved & (other_age >= np.minimum(_YIELD * age, memory_s))
        if swap.any():
            mean[swap], other[swap] = other[swap], mean[swap]
            age[swap], other_age[swap] = other_age[swap], age[swap]
            variance[swap] = _NEW_VARIANCE


def _shadow(brightness: Layer, model: Layer) -> npt.NDArray[np.bool_]:
    """Return where the picture is the pattern of the model, only darker by a factor that is the same all round.

    Where the model has no pattern a shadow cannot be told from an object, and is none.
    """
    factor = brightness / np.maximum(model, 1.0)
    plain = _spread(factor) < _SHADOW_SPREAD**2
    patterned = _spread(model) > (_PATTERN * model) ** 2
    return (factor > _DARKEST_SHADOW) & (factor < 1.0) & plain & patterned


def _spread(values: Layer) -> Layer:
    """Return the variance of the values around each."""
    mean = cv2.blur(values, _SHADOW_WINDOW)
    return cv2.blur(values * values, _SHADOW_WINDOW) - mean * mean  # type: ignore[return-value]


def _shift(x: float, y: float) -> Array:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _base_from_optical(pose: Pose) -> Array:
    return base_from_head(pose.pan, pose.tilt) @ BODY_FROM_OPTICAL
