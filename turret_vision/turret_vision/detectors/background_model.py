"""The model of the resting room that motion is seen against.

Each pixel of the room has two models of its brightness, as in Yi et al., "Detection of Moving Objects with
Non-stationary Cameras in 5.8 ms" (CVPR workshops 2013): the one believed, and a candidate that replaces it once it has
been seen for long enough. What deviates from the believed model moves, unless it is a shadow. The models live on a
canvas: the image plane of the head at an anchor pose, with a margin. An image from another pose is warped onto it by
the homography K R K^-1 of the head's known rotation, corrected by the small shift that remains in the pictures
themselves, so that a late stamp or a backlash does not make the room move.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.geometry import PinholeCamera, base_from_optical
from turret_common.pose_history import Pose
from turret_vision.detectors.detection import Image

Array = npt.NDArray[np.float64]
Layer = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]  # 255 = yes, 0 = no, as OpenCV has them
Area = tuple[slice, slice]
_EVERYWHERE = (slice(None), slice(None))

_MARGIN = 0.6             # of the canvas on each side, as a part of the image
_ROOM = 0.1               # that an image should have around it on the canvas, as a part of its width
_NOISE_FLOOR = 2.5 ** 2   # least variance of a pixel, in squared gray levels
_NEW_VARIANCE = 5.0 ** 2  # of a pixel seen for the first time
_UNSEEN = 1e9             # variance of a pixel never seen: anything may be there
_SHORTEST_STEP_S = 1e-3   # that an image teaches at least
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
_BORDER = 2               # px of an image that are left out while the head turns
_STILL_PX = 0.05          # smaller displacements of the image are none
_SETTLED_S = 0.5          # younger parts of the model are no guide for the registration
_LANDMARKS = 40           # of the model that the registration looks for
_LANDMARKS_S = 0.5        # after which they are chosen anew
_LEAST_LANDMARKS = 8      # that must agree ...
_LEAST_SHARE = 0.3        # ... as must this part of those in view
_AGREEING_PX = 1.5        # by which landmarks of the room may differ in their shift
_LARGEST_SHIFT_PX = 16.0  # that the registration may correct
_SMALL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
_AROUND = np.ones((3, 3), np.uint8)  # a pixel and its neighbors


@dataclasses.dataclass(frozen=True)
class Placed:
    """An image on the canvas.

    Attributes:
        area: of the canvas that holds it.
        image: what is seen there; beside the image, and in its border, what is believed.
        to_image: homography from the area to the image.
        outline: of the image without its border, in the area; None while it lies exactly as the anchor's image did.
    """

    area: Area
    image: Image
    to_image: Array
    outline: Array | None

    @property
    def still(self) -> bool:
        """Whether it lies exactly as the anchor's image did."""
        return self.outline is None

    @functools.cached_property
    def valid(self) -> Mask:
        """What of the area the image shows, without its border."""
        if self.outline is None:
            return np.full_like(self.image, 255)
        valid = np.zeros_like(self.image)
        outline = np.round(self.outline).astype(np.int32)
        cv2.fillConvexPoly(valid, outline, 255)
        cv2.polylines(valid, [outline], True, 0, 3)
        return valid


class Canvas:
    """The models of the room around an anchor pose.

    What an image is compared with is prepared by the lesson before: the brightness that is believed of each pixel, in
    whole gray levels, and by how many of them it may deviate.
    """

    def __init__(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> None:
        self._height, self._width = shape
        self._camera = camera
        self._left, self._top = round(_MARGIN * self._width), round(_MARGIN * self._height)
        self._intrinsic = np.eye(3) if camera is None else np.array(
            [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
        self._rays = np.linalg.inv(self._intrinsic)
        first, right, bottom = float(_BORDER), self._width - 1.0 - _BORDER, self._height - 1.0 - _BORDER
        self._outline = np.array([[first, first, 1.0], [right, first, 1.0], [right, bottom, 1.0], [first, bottom, 1.0]])
        size = (self._height + 2 * self._top, self._width + 2 * self._left)
        self._anchor: Pose | None = None
        self._from_rays = np.eye(3)
        self._correction: Array = np.zeros(2)
        self._gain = 1.0
        self._landmarks: npt.NDArray[np.float32] | None = None
        self._landmarks_age_s = 0.0
        self._lost = False
        self._upset_s = 0.0
        self._sensitivity = 0.0
        self._believed: Image = np.zeros(size, np.uint8)
        self._allowed: Image = np.full(size, 255, np.uint8)
        self._mean: Layer = np.zeros(size, np.float32)
        self._variance: Layer = np.full(size, _UNSEEN, np.float32)
        self._age: Layer = np.zeros(size, np.float32)
        self._other: Layer = np.zeros(size, np.float32)
        self._other_age: Layer = np.zeros(size, np.float32)
        self._spare: Layer = np.zeros(size, np.float32)  # to move a layer to

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
            self._put_anchor(pose)
        if sensitivity != self._sensitivity:
            self._sensitivity = sensitivity
            self._expect(_EVERYWHERE)
        to_canvas = self._to_canvas(pose)
        if not self._inside(to_canvas):
            self._move_anchor(pose, to_canvas)
            to_canvas = self._to_canvas(pose)
        placed = self._placed(gray, to_canvas)
        moving = self._deviating(placed)
        if cv2.countNonZero(moving) > (1.0 - _WELL_EXPLAINED) * gray.size and self._exposed(placed):
            moving = self._deviating(placed)
        objects = self._without_shadows(placed, moving)
        if self._upset(cv2.countNonZero(moving) / gray.size, dt):
            return np.zeros_like(moving), placed.to_image, None

        def learn(step_s: float) -> None:
            brightness: Layer = placed.image * np.float32(1.0 / self._gain)
            self._learn(placed, brightness, moving, step_s, memory_s)
            self._learn_candidate(placed.area, brightness, moving, step_s, memory_s)
            self._expect(placed.area)
            if not placed.still:
                self._choose_landmarks(placed, moving, step_s)
            to_canvas = self._to_canvas(pose)  # with what the registration put right
            if not self._inside(to_canvas, _ROOM):  # best done now, when nobody waits for it
                self._move_anchor(pose, to_canvas)
        return objects, placed.to_image, learn

    # Where an image is on the canvas

    def _to_canvas(self, pose: Pose | None) -> Array:
        """Return the homography from an image at ``pose`` to the canvas, as the newest images had it."""
        shift = _shift(self._left + self._correction[0], self._top + self._correction[1])
        if pose is None or self._anchor is None or self._camera is None:
            return shift
        homography = shift @ self._from_rays @ base_from_optical(self._camera, pose.pan, pose.tilt) @ self._rays
        return np.asarray(homography / homography[2, 2])

    def _put_anchor(self, pose: Pose | None) -> None:
        self._anchor = pose
        if pose is not None and self._camera is not None:
            self._from_rays = self._intrinsic @ base_from_optical(self._camera, pose.pan, pose.tilt).T

    def _corners(self, to_canvas: Array) -> Array | None:
        """Return where an image's corners are on the canvas; None where the anchor's camera would not see them."""
        corners = self._outline @ to_canvas.T
        return None if corners[:, 2].min() < 0.2 else corners[:, :2] / corners[:, 2:]

    def _inside(self, to_canvas: Array, room: float = 0.0) -> bool:
        """Return whether an image is on the canvas, with some room around it, as a part of its width."""
        corners = self._corners(to_canvas)
        room *= self._width
        return corners is not None and bool(
            corners.min() >= room and (corners <= np.subtract(self._mean.shape[::-1], 1.0 + room)).all())

    def _move_anchor(self, pose: Pose | None, to_canvas: Array) -> None:
        """Make ``pose`` the anchor and carry over what is known of the room there."""
        self._put_anchor(pose)
        if self._corners(to_canvas) is None:
            self._forget()
            return
        to_new = np.linalg.inv(to_canvas @ _shift(-self._left, -self._top))
        self._correction = np.zeros(2)
        if self._landmarks is not None:
            self._landmarks = cv2.perspectiveTransform(self._landmarks, to_new)  # type: ignore[assignment]
        # The same as warpPerspective for each, in half the time.
        height, width = self._mean.shape
        maps = cv2.initUndistortRectifyMap(np.eye(3), None, to_new, np.eye(3), (width, height), cv2.CV_16SC2)

        def carried(layer: Layer, interpolation: int, outside: float = 0.0) -> Layer:
            moved = cv2.remap(layer, *maps, interpolation, dst=self._spare, borderValue=(outside,))
            self._spare = layer
            return moved  # type: ignore[return-value]

        self._mean = carried(self._mean, cv2.INTER_LINEAR)
        self._other = carried(self._other, cv2.INTER_LINEAR)
        self._age = carried(self._age, cv2.INTER_NEAREST)
        self._other_age = carried(self._other_age, cv2.INTER_NEAREST)
        # Pixels beside unseen ones are mixed with them and must be seen anew.
        self._variance = carried(self._variance, cv2.INTER_LINEAR, _UNSEEN)
        mixed = self._variance > 0.001 * _UNSEEN
        for layer, value in ((self._variance, _UNSEEN), (self._age, 0.0), (self._other_age, 0.0)):
            np.copyto(layer, value, where=mixed)
        self._expect(_EVERYWHERE)

    def _placed(self, gray: Image, to_canvas: Array) -> Placed:
        if np.abs(to_canvas - _shift(self._left, self._top)).max() < _STILL_PX:
            area = (slice(self._top, self._top + self._height), slice(self._left, self._left + self._width))
            return Placed(area, gray, np.eye(3), None)
        return self._warp(gray, self._registered(gray, to_canvas))

    def _registered(self, gray: Image, to_canvas: Array) -> Array:
        """Return the homography with the shift put right that remains between model and image."""
        shift = self._remaining_shift(gray, to_canvas)
        self._lost = shift is None
        if shift is None or float(np.abs(shift).max()) < _STILL_PX:
            return to_canvas
        self._correction -= shift
        return _shift(-float(shift[0]), -float(shift[1])) @ to_canvas

    def _upset(self, share: float, dt: float) -> bool:
        """Return whether so much seems to move that it is the picture which is misjudged; forget when that lasts."""
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
        self._expect(_EVERYWHERE)
        self._landmarks = None
        self._correction = np.zeros(2)
        self._upset_s = 0.0

    def _warp(self, gray: Image, to_canvas: Array) -> Placed:
        corners = self._corners(to_canvas)
        assert corners is not None  # the anchor was moved close to the pose
        height, width = self._mean.shape
        left, top = (max(0, math.floor(v)) for v in corners.min(axis=0))
        right, bottom = (math.ceil(v) + 1 for v in corners.max(axis=0))
        right, bottom = min(right, width), min(bottom, height)
        area = (slice(top, bottom), slice(left, right))
        to_image = cv2.invert(to_canvas)[1] @ _shift(left, top)
        image = cv2.warpPerspective(
            gray[_BORDER:-_BORDER, _BORDER:-_BORDER], _shift(-_BORDER, -_BORDER) @ to_image,
            (right - left, bottom - top), dst=self._believed[area].copy(),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_TRANSPARENT)
        return Placed(area, image, to_image, corners - (left, top))  # type: ignore[arg-type]

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
        model = self._believed[top:top + self._height, left:left + self._width]
        image = gray[:model.shape[0], :model.shape[1]]
        # At half the size it is exact enough, and takes a fifth less time.
        half = (model.shape[1] // 2, model.shape[0] // 2)
        small_model, small_image = (cv2.resize(v, half, interpolation=cv2.INTER_AREA) for v in (model, image))
        seen, ok, _ = cv2.calcOpticalFlowPyrLK(
            small_model, small_image, 0.5 * (points - np.array((left, top), np.float32)) - 0.25, 0.5 * expected - 0.25,
            winSize=(11, 11), maxLevel=1, flags=cv2.OPTFLOW_USE_INITIAL_FLOW)
        moves = (cv2.perspectiveTransform(2.0 * seen + 0.5, to_canvas) - points)[ok.ravel() == 1].reshape(-1, 2)
        if not len(moves):
            return None
        # The room is what most landmarks agree with; those that something hides go anywhere.
        alike = np.abs(moves[:, np.newaxis] - moves).max(axis=2) < _AGREEING_PX
        agreeing = moves[alike[int(np.argmax(alike.sum(axis=1)))]]
        shift = np.asarray(agreeing.mean(axis=0), np.float64)
        if len(agreeing) < max(_LEAST_LANDMARKS, _LEAST_SHARE * len(points)) or np.abs(shift).max() > _LARGEST_SHIFT_PX:
            return None
        return shift

    def _choose_landmarks(self, placed: Placed, moving: Mask, dt: float) -> None:
        """Find points of the resting room that are easy to find again."""
        self._landmarks_age_s += dt
        if self._landmarks is not None and self._landmarks_age_s < _LANDMARKS_S:
            return
        settled = cv2.subtract(placed.valid, moving)
        settled[self._age[placed.area] <= _SETTLED_S] = 0
        mask = cv2.erode(settled, np.ones((9, 9), np.uint8))
        found = cv2.goodFeaturesToTrack(self._believed[placed.area], _LANDMARKS, 0.02, 10.0, mask=mask)
        self._landmarks = None if found is None else found + _corner(placed.area)
        self._landmarks_age_s = 0.0

    # What is seen there

    def _exposed(self, placed: Placed) -> bool:
        """Return whether another exposure explains the image better; it is the one from now on."""
        before = self._gain
        self._gain = self._best_gain(placed)
        if not 1.0 / _LARGEST_GAIN < self._gain < _LARGEST_GAIN:
            self._follow_exposure()
        return self._gain != before

    def _best_gain(self, placed: Placed) -> float:
        """Return the exposure of the image relative to the model, as most of the picture has it."""
        every = (slice(None, None, _SAMPLED), slice(None, None, _SAMPLED))
        seen, model = placed.image[every], self._mean[placed.area][every]
        known = self._variance[placed.area][every] < _UNSEEN
        usable = (placed.valid[every] > 0) & known & (model > 8.0) & (seen < 250)
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
        self._expect(_EVERYWHERE)

    def _expect(self, area: Area) -> None:
        """Prepare what images are compared with: squared, a pixel may deviate by ``sensitivity`` times its variance."""
        limit = np.maximum(self._variance[area], _NOISE_FLOOR)
        limit *= self._sensitivity
        np.sqrt(limit, out=limit)
        # OpenCV saturates and rounds to the nearest; what is allowed are the whole numbers below the limit.
        cv2.subtract(limit, 0.499, dst=self._allowed[area], dtype=cv2.CV_8U)  # type: ignore[call-overload]
        cv2.convertScaleAbs(self._mean[area], dst=self._believed[area])

    def _believed_around(self, placed: Placed) -> tuple[Image, Image]:
        """Return the darkest and the brightest that is believed of a pixel, or beside it while the head turns."""
        believed = self._believed[placed.area]
        if placed.still:
            return believed, believed
        return cv2.erode(believed, _AROUND), cv2.dilate(believed, _AROUND)  # type: ignore[return-value]

    def _deviating(self, placed: Placed) -> Mask:
        """Return where an image deviates from what is believed there, or beside it while the head turns."""
        allowed = self._allowed[placed.area]
        darkest, brightest = self._believed_around(placed)
        low, high = cv2.subtract(darkest, allowed), cv2.add(brightest, allowed)
        if self._gain == 1.0:  # then also beside the image there is what is believed
            return cv2.bitwise_not(cv2.inRange(placed.image, low, high))  # type: ignore[return-value]
        seen = cv2.convertScaleAbs(placed.image, alpha=1.0 / self._gain)
        return cv2.subtract(placed.valid, cv2.inRange(seen, low, high))  # type: ignore[return-value]

    def _without_shadows(self, placed: Placed, moving: Mask) -> Mask:
        """Take shadows out of a mask, and return it without specks."""
        objects = cv2.morphologyEx(moving, cv2.MORPH_OPEN, _SMALL)
        x, y, width, height = cv2.boundingRect(objects)
        if width:
            left, top = max(0, x - 2), max(0, y - 2)  # beyond that nothing reaches the objects
            part = (slice(top, y + height + 2), slice(left, x + width + 2))
            brightness: Layer = placed.image[part] * np.float32(1.0 / self._gain)
            moving[part][_shadow(brightness, self._mean[placed.area][part])] = 0
            objects[part] = cv2.morphologyEx(moving[part], cv2.MORPH_OPEN, _SMALL)
        return objects  # type: ignore[return-value]

    # What is learned from it

    def _learn(self, placed: Placed, brightness: Layer, moving: Mask, dt: float, memory_s: float) -> None:
        """Average what agrees with what is believed over the time seen, at most over the memory."""
        mean, variance, age = self._mean[placed.area], self._variance[placed.area], self._age[placed.area]
        squared = self._squared_deviation(placed, brightness)
        if cv2.minMaxLoc(variance)[1] >= _UNSEEN:
            new = (placed.valid > 0) & (variance == _UNSEEN)
            mean[new], variance[new] = brightness[new], _NEW_VARIANCE
        step = max(dt, _SHORTEST_STEP_S)
        taught = cv2.multiply(cv2.subtract(placed.valid, moving), step / 255.0, dtype=cv2.CV_32F)  # type: ignore[call-overload]
        # OpenCV works in the part of a layer; numpy takes three times as long there.
        cv2.add(age, taught, dst=age)
        cv2.threshold(age, memory_s, memory_s, cv2.THRESH_TRUNC, dst=age)
        weight = taught / np.maximum(age, np.float32(step))
        cv2.accumulateProduct(cv2.subtract(brightness, mean), weight, mean)
        cv2.accumulateProduct(cv2.subtract(squared, variance), weight, variance)

    def _squared_deviation(self, placed: Placed, brightness: Layer) -> Layer:
        """Return how far an image is, squared, from what is believed there, or beside it while the head turns."""
        if placed.still:
            deviation: Layer = brightness - self._mean[placed.area]
            deviation *= deviation
            return deviation
        seen = cv2.convertScaleAbs(brightness)
        darkest, brightest = self._believed_around(placed)
        outside = cv2.max(cv2.subtract(darkest, seen), cv2.subtract(seen, brightest))  # each zero where it is not
        return cv2.multiply(outside, outside, dtype=cv2.CV_32F)  # type: ignore[return-value]

    def _learn_candidate(self, area: Area, brightness: Layer, moving: Mask, dt: float, memory_s: float) -> None:
        """Teach the candidates where something moves, and believe those that have been there for long enough."""
        somewhere = np.flatnonzero(moving)
        y, x = np.divmod(somewhere, moving.shape[1])
        where = (y + area[0].start) * self._mean.shape[1] + (x + area[1].start)
        seen, other, other_age, mean, age = brightness.take(somewhere), *(layer.take(where) for layer in (
            self._other, self._other_age, self._mean, self._age))
        difference = seen - other
        fits = difference * difference < np.float32(2.0 * _NOISE_FLOOR * self._sensitivity)
        other_age = np.where(fits, np.minimum(other_age + np.float32(dt), np.float32(memory_s)), np.float32(dt))
        other = np.where(fits, other + difference * np.float32(dt) / np.maximum(other_age, np.float32(1e-6)), seen)
        believed = other_age >= np.minimum(_YIELD * age, memory_s)
        self._other.put(where, np.where(believed, mean, other))
        self._other_age.put(where, np.where(believed, age, other_age))
        replaced = where[believed]
        self._mean.put(replaced, other[believed])
        self._age.put(replaced, other_age[believed])
        self._variance.put(replaced, np.float32(_NEW_VARIANCE))


def _shadow(brightness: Layer, model: Layer) -> npt.NDArray[np.bool_]:
    """Return where the picture is the pattern of the model, only darker by a factor that is the same all round.

    Where the model has no pattern a shadow cannot be told from an object, and is none.
    """
    factor: Layer = np.divide(brightness, np.maximum(model, 1.0), dtype=np.float32)
    shadow = (factor > _DARKEST_SHADOW) & (factor < 1.0)
    if shadow.any():
        shadow &= _local_variance(factor) < _SHADOW_SPREAD**2
        shadow &= _local_variance(model) > (_PATTERN * model) ** 2
    return shadow


def _local_variance(values: Layer) -> Layer:
    mean = cv2.blur(values, _SHADOW_WINDOW)
    return cv2.blur(values * values, _SHADOW_WINDOW) - mean * mean


def _shift(x: float, y: float) -> Array:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _corner(area: Area) -> npt.NDArray[np.float32]:
    return np.array([area[1].start, area[0].start], np.float32)
