"""Detection of motion, also while the head turns.

Each pixel of the room has two models of its brightness, as in Yi et al., "Detection of Moving Objects with
Non-stationary Cameras in 5.8 ms" (CVPR workshops 2013): the one believed, and a candidate that replaces it once it has
been seen for long enough. What deviates from the believed model moves, unless it is a shadow. The models live on a
canvas: the image plane of the head at an anchor pose, with a margin. An image from another pose is warped onto it by
the homography K R K^-1 of the head's known rotation, corrected by the small shift that remains in the pictures
themselves, so that a late stamp or a backlash does not make the room move.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.geometry import PinholeCamera, base_from_optical
from turret_common.pose_history import Pose
from turret_vision.detection import Box, Detection, Image, LocalDetector, View
from turret_vision.vision_parameters import MotionParameters

Array = npt.NDArray[np.float64]
Layer = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Area = tuple[slice, slice]

_MARGIN = 0.5             # of the canvas on each side, as a part of the image
_NOISE_FLOOR = 2.5 ** 2   # least variance of a pixel, in squared gray levels
_NEW_VARIANCE = 5.0 ** 2  # of a pixel seen for the first time
_UNSEEN = 1e9             # variance of a pixel never seen: anything may be there
_SHORTEST_STEP_S = 1e-3   # that an image teaches at least
_LESSON_S = 0.04          # least time from one image that is learned from to the next
_LARGEST_STEP_S = 0.5     # longer pauses between images teach no more than this
_YIELD = 5.0              # a candidate replaces what is believed once it is this many times older
_UPSET = 0.75             # part of the image that may move at once; more is a change of light, or a knock ...
_UPSET_LOST = 0.35        # ... as is this part while none of the landmarks are found
_UPSET_S = 1.0            # after which the room is learned anew
_SAMPLED = 8              # every so many px in each direction tell the exposure
_GAIN_TOLERANCE = 8.0     # gray levels by which pixels may deviate from an exposure that explains them
_WELL_EXPLAINED = 0.98    # part of the picture that an unchanged exposure explains, above which no other is tried
_LARGEST_GAIN = 2.0       # a larger change of exposure makes the model follow
_SHADOW_WINDOW = (7, 7)   # px in which a shadow is equally dark ...
_SHADOW_SPREAD = 0.05     # ... to within this part
_DARKEST_SHADOW = 0.5     # a darker place is no shadow
_PATTERN = 0.03           # least contrast of a pattern that shows through a shadow
_STILL_PX = 0.05          # smaller displacements of the image are none
_SETTLED_S = 0.5          # younger parts of the model are no guide for the registration
_LANDMARKS = 40           # of the model that the registration looks for
_LANDMARKS_S = 0.5        # after which they are chosen anew
_LEAST_LANDMARKS = 8      # that must agree ...
_LEAST_SHARE = 0.3        # ... as must this part of those in view
_AGREEING_PX = 1.5        # by which landmarks of the room may differ in their shift
_LARGEST_SHIFT_PX = 16.0  # that the registration may correct
_SMALL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


class MotionDetector(LocalDetector[MotionParameters]):
    """Finds what moves against the room."""

    method = 'motion'

    def __init__(self, parameters: MotionParameters) -> None:
        super().__init__(parameters)
        self._canvas: _Canvas | None = None
        self._stamp = 0.0
        self._lesson: Callable[[float], None] | None = None
        self._taught = 0.0  # stamp up to which was learned

    def learn(self) -> None:
        """Learn from the view last looked at, unless the last lesson was a moment ago: it would tell little more."""
        lesson, self._lesson = self._lesson, None
        if lesson is not None and not 0.0 < self._stamp - self._taught < _LESSON_S:
            lesson(min(self._stamp - self._taught, _LARGEST_STEP_S))
            self._taught = self._stamp

    def detect(self, view: View) -> list[Detection]:
        """Return what moves in a view. The first image of a room only teaches."""
        self.learn()
        gray: Image = cv2.GaussianBlur(view.gray, (5, 5), 0)  # type: ignore[assignment]
        dt = view.stamp - self._stamp
        self._stamp = view.stamp
        if self._canvas is None or not self._canvas.fits(gray.shape, view.camera) or dt <= 0.0:
            self._canvas = _Canvas(gray.shape, view.camera)
            dt, self._taught = 0.0, view.stamp
        moving, to_image, self._lesson = self._canvas.compare(
            gray, view.pose, min(dt, _LARGEST_STEP_S), self._parameters.sensitivity, self._parameters.memory_s)
        if self._lesson is None:
            self._taught = view.stamp
        return self._objects(moving, to_image, view.area(self._parameters.min_area))

    def _objects(self, moving: Image, to_image: Array, min_area: float) -> list[Detection]:
        """Return what a mask shows, in px of the image to which a homography brings it."""
        moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, _SMALL)  # type: ignore[assignment]
        reach = 2 * round(0.5 * self._parameters.join * moving.shape[1]) + 1
        joined = cv2.dilate(moving, np.ones((reach, reach), np.uint8))
        found = []
        for outline in cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            left, top, width, height = cv2.boundingRect(outline)
            inside = np.zeros((height, width), np.uint8)
            cv2.drawContours(inside, [outline], 0, 255, cv2.FILLED, offset=(-left, -top))
            inside &= moving[top:top + height, left:left + width]
            if cv2.countNonZero(inside) < max(1.0, min_area):
                continue
            points = np.add(cv2.findNonZero(inside), (left, top), dtype=np.float32)
            seen = cv2.perspectiveTransform(points, to_image)[:, 0]
            x0, y0 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MIN)[0])
            x1, y1 = map(float, cv2.reduce(seen, 0, cv2.REDUCE_MAX)[0])
            found.append(Detection('motion', Box.from_rect(x0, y0, x1 - x0 + 1.0, y1 - y0 + 1.0)))
        return found


class _Placed(NamedTuple):
    """An image on the canvas: where, what is seen there, what of it is valid, and the homography back to the image."""

    area: Area
    image: Image
    valid: Mask
    to_image: Array


class _Canvas:
    """The models of the room around an anchor pose."""

    def __init__(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> None:
        self._height, self._width = shape
        self._camera = camera
        self._left, self._top = round(_MARGIN * self._width), round(_MARGIN * self._height)
        self._intrinsic = np.eye(3) if camera is None else np.array(
            [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
        self._rays = np.linalg.inv(self._intrinsic)
        right, bottom = self._width - 1.0, self._height - 1.0
        self._outline = np.array([[0.0, 0.0, 1.0], [right, 0.0, 1.0], [right, bottom, 1.0], [0.0, bottom, 1.0]])
        size = (self._height + 2 * self._top, self._width + 2 * self._left)
        self._anchor: Pose | None = None
        self._correction: Array = np.zeros(2)
        self._gain = 1.0
        self._landmarks: npt.NDArray[np.float32] | None = None
        self._landmarks_age_s = 0.0
        self._lost = False
        self._upset_s = 0.0
        self._mean: Layer = np.zeros(size, np.float32)
        self._variance: Layer = np.full(size, _UNSEEN, np.float32)
        self._age: Layer = np.zeros(size, np.float32)
        self._other: Layer = np.zeros(size, np.float32)
        self._other_age: Layer = np.zeros(size, np.float32)

    def fits(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> bool:
        """Return whether the models were made for such images."""
        return shape == (self._height, self._width) and camera == self._camera

    def compare(
            self, gray: Image, pose: Pose | None, dt: float, sensitivity: float, memory_s: float,
    ) -> tuple[Image, Array, Callable[[float], None] | None]:
        """Return the mask of what moves, the homography from it to the image, and how to learn from the image.

        The last takes the time in s that the image stands for.
        """
        if self._anchor is None:
            self._anchor = pose
        to_canvas = self._to_canvas(pose)
        if not self._inside(to_canvas):
            self._move_anchor(pose, to_canvas)
            to_canvas = self._to_canvas(pose)
        still = bool(np.abs(to_canvas - _shift(self._left, self._top)).max() < _STILL_PX)
        if still:
            area = (slice(self._top, self._top + self._height), slice(self._left, self._left + self._width))
            placed = _Placed(area, gray, np.ones(gray.shape, np.bool_), np.eye(3))
        else:
            placed = self._warp(gray, self._registered(gray, to_canvas))
        self._gain = self._best_gain(placed)
        if not 1.0 / _LARGEST_GAIN < self._gain < _LARGEST_GAIN:
            self._follow_exposure()
        brightness: Layer = placed.image * np.float32(1.0 / self._gain)
        squared = self._squared_deviation(placed.area, brightness, slack=0 if still else 1)
        moving = self._deviating(placed, brightness, squared, sensitivity)
        if self._upset(placed, moving, dt):
            return np.zeros_like(placed.image), placed.to_image, None

        def learn(step_s: float) -> None:
            self._learn(placed, brightness, squared, moving, step_s, memory_s)
            self._learn_candidate(placed.area, brightness, moving, step_s, sensitivity, memory_s)
            if not still:
                self._choose_landmarks(placed, moving, step_s)
        return moving.view(np.uint8) * np.uint8(255), placed.to_image, learn

    # Where an image is on the canvas

    def _to_canvas(self, pose: Pose | None) -> Array:
        """Return the homography from an image at ``pose`` to the canvas, as the newest images had it."""
        shift = _shift(self._left + self._correction[0], self._top + self._correction[1])
        if pose is None or self._anchor is None or self._camera is None:
            return shift
        anchor = base_from_optical(self._camera, self._anchor.pan, self._anchor.tilt)
        rotation = anchor.T @ base_from_optical(self._camera, pose.pan, pose.tilt)
        homography = shift @ self._intrinsic @ rotation @ self._rays
        return np.asarray(homography / homography[2, 2])

    def _corners(self, to_canvas: Array) -> Array | None:
        """Return where an image's corners are on the canvas; None where the anchor's camera would not see them."""
        corners = self._outline @ to_canvas.T
        return None if corners[:, 2].min() < 0.2 else corners[:, :2] / corners[:, 2:]

    def _inside(self, to_canvas: Array) -> bool:
        corners = self._corners(to_canvas)
        height, width = self._mean.shape
        return corners is not None and all(
            0.0 <= x <= width - 1.0 and 0.0 <= y <= height - 1.0 for x, y in corners.tolist())

    def _move_anchor(self, pose: Pose | None, to_canvas: Array) -> None:
        """Make ``pose`` the anchor and carry over what is known of the room there."""
        known = self._corners(to_canvas) is not None
        to_old = to_canvas @ _shift(-self._left, -self._top)
        self._anchor = pose
        self._correction = np.zeros(2)
        self._landmarks = None
        size = self._mean.shape[::-1]

        def carried(layer: Layer, interpolation: int, outside: float = 0.0) -> Layer:
            if not known:
                return np.full_like(layer, outside)
            return cv2.warpPerspective(  # type: ignore[return-value]
                layer, to_old, size, flags=interpolation | cv2.WARP_INVERSE_MAP, borderValue=(outside,))

        self._mean = carried(self._mean, cv2.INTER_LINEAR)
        self._other = carried(self._other, cv2.INTER_LINEAR)
        self._age = carried(self._age, cv2.INTER_NEAREST)
        self._other_age = carried(self._other_age, cv2.INTER_NEAREST)
        # Pixels beside unseen ones are mixed with them and must be seen anew.
        self._variance = carried(self._variance, cv2.INTER_LINEAR, _UNSEEN)
        mixed = self._variance > 0.001 * _UNSEEN
        self._variance[mixed] = _UNSEEN
        self._age[mixed] = self._other_age[mixed] = 0.0

    def _registered(self, gray: Image, to_canvas: Array) -> Array:
        """Return the homography with the shift put right that remains between model and image."""
        shift = self._remaining_shift(gray, to_canvas)
        self._lost = shift is None
        if shift is None or float(np.abs(shift).max()) < _STILL_PX:
            return to_canvas
        self._correction -= shift
        return _shift(-float(shift[0]), -float(shift[1])) @ to_canvas

    def _upset(self, placed: _Placed, moving: Mask, dt: float) -> bool:
        """Return whether so much seems to move that it is the picture which is misjudged; forget when that lasts."""
        share = float(np.count_nonzero(moving)) / max(1, int(np.count_nonzero(placed.valid)))
        if share <= (_UPSET_LOST if self._lost else _UPSET):
            self._upset_s = 0.0
            return False
        self._upset_s += dt
        if self._upset_s > _UPSET_S:
            self._forget()
        return True

    def _forget(self) -> None:
        """Learn the room anew."""
        self._age[:] = self._other_age[:] = 0.0
        self._variance[:] = _UNSEEN
        self._landmarks = None
        self._correction = np.zeros(2)
        self._upset_s = 0.0

    def _warp(self, gray: Image, to_canvas: Array) -> _Placed:
        corners = self._corners(to_canvas)
        assert corners is not None  # the anchor was moved close to the pose
        height, width = self._mean.shape
        left, top = (max(0, math.floor(v)) for v in corners.min(axis=0))
        right, bottom = (math.ceil(v) + 1 for v in corners.max(axis=0))
        right, bottom = min(right, width), min(bottom, height)
        to_image = cv2.invert(to_canvas)[1] @ _shift(left, top)
        image = _sampled(gray, to_image, right - left, bottom - top)
        valid = np.zeros(image.shape, np.uint8)
        outline = np.round(corners - (left, top)).astype(np.int32)
        cv2.fillConvexPoly(valid, outline, 1)
        cv2.polylines(valid, [outline], True, 0, 3)
        return _Placed((slice(top, bottom), slice(left, right)), image, valid.view(np.bool_), to_image)

    def _remaining_shift(self, gray: Image, to_canvas: Array) -> Array | None:
        """Return by how many px of the canvas the image lies beside the model; None where too few landmarks agree.

        Zero where too few are in view to tell.
        """
        if self._landmarks is None:
            return np.zeros(2)
        expected = cv2.perspectiveTransform(self._landmarks, cv2.invert(to_canvas)[1])
        size = np.array(gray.shape[::-1], np.float32)
        in_view = ((expected > 8.0) & (expected < size - 9.0)).all(axis=(1, 2))
        points, expected = self._landmarks[in_view], expected[in_view]
        if len(points) < _LEAST_LANDMARKS:
            return np.zeros(2)
        left, top = np.maximum(points.min(axis=(0, 1)) - 8.0, 0.0).astype(int)
        model = cv2.convertScaleAbs(self._mean[top:top + self._height, left:left + self._width])
        seen, ok, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
            model, gray[:model.shape[0], :model.shape[1]], points - np.array((left, top), np.float32), expected,
            winSize=(11, 11), maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW)
        moves = (cv2.perspectiveTransform(seen, to_canvas) - points)[ok.ravel() == 1].reshape(-1, 2)
        if not len(moves):
            return None
        # The room is what most landmarks agree with; those that something hides go anywhere.
        alike = np.abs(moves[:, np.newaxis] - moves).max(axis=2) < _AGREEING_PX
        agreeing = moves[alike[int(np.argmax(alike.sum(axis=1)))]]
        shift = np.asarray(agreeing.mean(axis=0), np.float64)
        if len(agreeing) < max(_LEAST_LANDMARKS, _LEAST_SHARE * len(points)) or np.abs(shift).max() > _LARGEST_SHIFT_PX:
            return None
        return shift

    def _choose_landmarks(self, placed: _Placed, moving: Mask, dt: float) -> None:
        """Find points of the resting room that are easy to find again."""
        self._landmarks_age_s += dt
        if self._landmarks is not None and self._landmarks_age_s < _LANDMARKS_S:
            return
        settled = placed.valid & ~moving & (self._age[placed.area] > _SETTLED_S)
        mask = cv2.erode(settled.view(np.uint8), np.ones((9, 9), np.uint8))
        model = cv2.convertScaleAbs(self._mean[placed.area])
        found = cv2.goodFeaturesToTrack(model, _LANDMARKS, 0.02, 10.0, mask=mask)
        self._landmarks = None if found is None else found + _corner(placed.area)
        self._landmarks_age_s = 0.0

    # What is seen there

    def _best_gain(self, placed: _Placed) -> float:
        """Return the exposure of the image relative to the model, as most of the picture has it."""
        every = (slice(None, None, _SAMPLED), slice(None, None, _SAMPLED))
        seen, model = placed.image[every], self._mean[placed.area][every]
        known = self._variance[placed.area][every] < _UNSEEN
        usable = placed.valid[every] & known & (model > 8.0) & (seen < 250)
        if np.count_nonzero(usable) < _SAMPLED:
            return 1.0
        brightness, believed = seen[usable], model[usable]

        def explained(gain: float) -> float:
            return float(np.count_nonzero(np.abs(brightness - gain * believed) < _GAIN_TOLERANCE)) / len(brightness)

        if explained(1.0) > _WELL_EXPLAINED:
            return 1.0
        return max((1.0, self._gain, float(np.median(brightness / believed))), key=explained)

    def _follow_exposure(self) -> None:
        """Express the model in the exposure of the newest image."""
        self._mean *= self._gain
        self._other *= self._gain
        self._variance[self._variance < _UNSEEN] *= self._gain**2
        self._gain = 1.0

    def _squared_deviation(self, area: Area, brightness: Layer, slack: int) -> Layer:
        """Return how far an image is, squared, from everything that is believed within ``slack`` px around."""
        model = self._mean[area]
        if not slack:
            deviation: Layer = brightness - model
            deviation *= deviation
            return deviation
        kernel = np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)
        seen, believed = cv2.convertScaleAbs(brightness), cv2.convertScaleAbs(model)
        above = cv2.subtract(seen, cv2.dilate(believed, kernel))  # zero where it is not
        below = cv2.subtract(cv2.erode(believed, kernel), seen)
        outside = cv2.max(above, below)
        return cv2.multiply(outside, outside, dtype=cv2.CV_32F)  # type: ignore[return-value]

    def _deviating(self, placed: _Placed, brightness: Layer, squared: Layer, sensitivity: float) -> Mask:
        """Return where an image deviates from what is believed."""
        limit = np.maximum(self._variance[placed.area], _NOISE_FLOOR)
        limit *= sensitivity
        moving: Mask = squared > limit
        moving &= placed.valid
        x, y, width, height = cv2.boundingRect(moving.view(np.uint8))
        if width:
            part = (slice(y, y + height), slice(x, x + width))
            moving[part] &= ~_shadow(brightness[part], self._mean[placed.area][part])
        return moving

    # What is learned from it

    def _learn(
            self, placed: _Placed, brightness: Layer, squared: Layer, moving: Mask, dt: float, memory_s: float,
    ) -> None:
        """Average what agrees with what is believed over the time seen, at most over the memory."""
        mean, variance, age = self._mean[placed.area], self._variance[placed.area], self._age[placed.area]
        agrees = placed.valid & ~moving
        if cv2.minMaxLoc(variance)[1] >= _UNSEEN:
            new = placed.valid & (variance == _UNSEEN)
            mean[new], variance[new] = brightness[new], _NEW_VARIANCE
        step = max(dt, _SHORTEST_STEP_S)
        taught: Layer = agrees.astype(np.float32)
        taught *= np.float32(step)
        # OpenCV works in the part of a layer; numpy takes three times as long there.
        cv2.add(age, taught, dst=age)
        cv2.threshold(age, memory_s, memory_s, cv2.THRESH_TRUNC, dst=age)
        weight = taught / np.maximum(age, np.float32(step))
        cv2.accumulateProduct(cv2.subtract(brightness, mean), weight, mean)
        cv2.accumulateProduct(cv2.subtract(squared, variance), weight, variance)

    def _learn_candidate(
            self, area: Area, brightness: Layer, moving: Mask, dt: float, sensitivity: float, memory_s: float) -> None:
        """Teach the candidates where something moves, and believe those that have been there for long enough."""
        y, x = np.divmod(np.flatnonzero(moving), moving.shape[1])
        where = (y + area[0].start) * self._mean.shape[1] + (x + area[1].start)
        seen, other, other_age, mean, age = brightness[moving], *(layer.take(where) for layer in (
            self._other, self._other_age, self._mean, self._age))
        difference = seen - other
        fits = difference * difference < np.float32(2.0 * _NOISE_FLOOR * sensitivity)
        other_age = np.where(fits, np.minimum(other_age + np.float32(dt), np.float32(memory_s)), np.float32(dt))
        other = np.where(fits, other + difference * np.float32(dt) / np.maximum(other_age, np.float32(1e-6)), seen)
        believed = other_age >= np.minimum(_YIELD * age, memory_s)
        self._other.put(where, np.where(believed, mean, other))
        self._other_age.put(where, np.where(believed, age, other_age))
        replaced = where[believed]
        self._mean.put(replaced, other[believed])
        self._age.put(replaced, other_age[believed])
        self._variance.put(replaced, np.float32(_NEW_VARIANCE))


def _shadow(brightness: Layer, model: Layer) -> Mask:
    """Return where the picture is the pattern of the model, only darker by a factor that is the same all round.

    Where the model has no pattern a shadow cannot be told from an object, and is none.
    """
    factor: Layer = np.divide(brightness, np.maximum(model, 1.0), dtype=np.float32)
    shadow: Mask = (factor > _DARKEST_SHADOW) & (factor < 1.0)
    if shadow.any():
        shadow &= _local_variance(factor) < _SHADOW_SPREAD**2
        shadow &= _local_variance(model) > (_PATTERN * model) ** 2
    return shadow


def _local_variance(values: Layer) -> Layer:
    mean = cv2.blur(values, _SHADOW_WINDOW)
    return cv2.blur(values * values, _SHADOW_WINDOW) - mean * mean  # type: ignore[return-value]


def _sampled(image: Image, to_image: Array, width: int, height: int) -> Image:
    """Return the picture of a size that a homography brings to an image; its border goes on outside.

    It costs half of cv2.warpPerspective.
    """
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, np.newaxis]
    (a, b, c), (d, e, f), (g, h, i) = to_image.astype(np.float32)
    scale = 1.0 / (g * x + (h * y + i))
    return cv2.remap(  # type: ignore[return-value]
        image, (a * x + (b * y + c)) * scale, (d * x + (e * y + f)) * scale, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE)


def _shift(x: float, y: float) -> Array:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _corner(area: Area) -> npt.NDArray[np.float32]:
    return np.array([area[1].start, area[0].start], np.float32)
