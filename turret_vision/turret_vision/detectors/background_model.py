# SPDX-License-Identifier: Apache-2.0
"""The background model that foreground objects are found against, also while the head turns.

Each pixel has two models of its brightness, as in Yi et al., "Detection of Moving Objects with Non-stationary Cameras
in 5.8 ms" (CVPR workshops 2013): the background, and a candidate that replaces it once it has been seen for long
enough. What deviates from the background is foreground, unless it is a shadow. The models lie on a mosaic: the image
plane of the head at an anchor pose, with a margin. An image from another pose is warped onto it by the homography
K R K^-1 of the head's known rotation, corrected by the small shift that remains between image and model, so that a late
stamp or backlash does not move the background.

What was in the way when a part of the background was seen for the first time leaves a ghost when it moves. A ghost is
recognized by its surroundings, which the image resembles and the model does not. It becomes background at once, whereas
an object that came to rest becomes background after ``memory_s``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

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

_MARGIN = 0.6             # of the mosaic on each side, as a fraction of the image
_SPARE_MARGIN = 0.1       # around an image on the mosaic before the anchor moves, as a fraction of its width
_NOISE_FLOOR = 3.0 ** 2   # minimum variance of a pixel, in squared gray levels
_NEW_VARIANCE = 3.0 ** 2  # of a pixel seen for the first time
_NEW_VARIANCE_TURNING = 20.0 ** 2  # of one seen for the first time while the head turns
_UNSEEN = 1e9             # variance of a pixel never seen: anything may be there
_MIN_STEP_S = 1e-3        # time that an image stands for, at least
_RESET_SHARE = 0.75       # fraction of the image in the foreground that is a change of illumination, or a knock ...
_RESET_SHARE_LOST = 0.35  # ... as is this fraction while none of the landmarks are found
_RESET_S = 1.0            # after which the model is reset
_SAMPLED = 8              # every so many px in each direction measure the exposure
_GAIN_TOLERANCE = 8.0     # gray levels by which pixels may deviate from an exposure that explains them
_GAIN_STEP = 0.01         # smaller changes of the exposure are noise
_BAND_GAIN = 0.03         # contrast of the bands of flickering light from which they are corrected
_BAND_SHARE = 0.02        # fraction of the image that a correction of bands must explain beyond the plain exposure
_MAX_GAIN = 2.0           # a larger change of exposure makes the model follow
_SHADOW_WINDOW = (7, 7)   # px in which a shadow is equally dark ...
_SHADOW_SPREAD = 0.05     # ... to within this fraction
_DARKEST_SHADOW = 0.5     # a darker region is not a shadow
_WEAK_SHADOW = 0.75       # a region without a pattern that is darker than this is not a shadow
_PATTERN = 0.03           # minimum contrast of a pattern that shows through a shadow
_BORDER = 2               # px of an image that are left out while the head turns
_STILL_PX = 0.05          # smaller displacements of the image are none
_SETTLED_S = 0.5          # younger parts of the model do not guide the registration
_LANDMARKS = 40           # of the model that the registration tracks
_LANDMARKS_S = 0.5        # after which they are chosen again
_MIN_LANDMARKS = 8        # that must agree ...
_MIN_AGREEING = 0.3       # ... as must this fraction of those in view
_AGREEING_PX = 1.5        # by which landmarks of the background may differ in their shift
_MAX_SHIFT_PX = 16.0      # that the registration may correct
_STABLE_S = 0.06          # a candidate seen for so long, and twice, is at rest
_GHOST_PERIOD_S = 0.09    # between two searches for ghosts
_GHOST_CONTRAST = 1.25    # ratio of the contrasts of model and image to the surroundings of a ghost
_SETTLED_GHOST_S = 2.0    # a model older than this is more likely right: what deviates must ...
_SETTLED_REST_S = 2.0     # ... rest for so long ...
_SETTLED_CONTRAST = 2.0   # ... and resemble its surroundings so much better
_SURROUNDINGS = (9, 9)    # px around a pixel at the border of a region that it is compared with ...
_MIN_SUPPORT = 0.2        # ... of which this fraction is background
_GHOST_AREA = 20          # px; smaller regions cannot be judged
_GHOST_BORDER = 0.4       # fraction of the border of a region that must be comparable
_MAJORITY = 5.0           # what cannot be judged becomes background once it is so many times older than that ...
_MAJORITY_S = 3.0         # ... and at rest for this long
_SMALL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
_AROUND = np.ones((3, 3), np.uint8)  # a pixel and its neighbors
_NEAR = np.ones((5, 5), np.uint8)


@dataclasses.dataclass(frozen=True)
class WarpedFrame:
    """An image on the mosaic.

    Attributes:
        area: part of the mosaic that holds it.
        image: its brightness in the exposure of the model; outside of the image, and in its border, the background.
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
        """Mask of the part of the area that the image covers, without its border."""
        if self.outline is None:
            return np.full_like(self.image, 255)
        valid = np.zeros_like(self.image)
        outline = np.round(self.outline).astype(np.int32)
        cv2.fillConvexPoly(valid, outline, 255)
        cv2.polylines(valid, [outline], True, 0, 3)
        return valid


class BackgroundModel:
    """The models of all pixels around an anchor pose.

    What an image is compared with is computed in the background update before: the brightness of each pixel, in whole
    gray levels, and by how many of them it may deviate.
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
        self._landmarks: npt.NDArray[np.float32] | None = None
        self._landmarks_age_s = 0.0
        self._lost = False
        self._reset_after_s = 0.0
        self._ghosts_due_s = 0.0
        self._sensitivity = 0.0
        self._expected: Image = np.zeros(size, np.uint8)
        self._allowed: Image = np.full(size, 255, np.uint8)
        self._mean: Layer = np.zeros(size, np.float32)
        self._variance: Layer = np.full(size, _UNSEEN, np.float32)
        self._age: Layer = np.zeros(size, np.float32)
        self._candidate: Layer = np.zeros(size, np.float32)
        self._candidate_age: Layer = np.zeros(size, np.float32)
        self._spare: Layer = np.zeros(size, np.float32)  # to move a layer to

    def fits(self, shape: tuple[int, ...], camera: PinholeCamera | None) -> bool:
        """Return whether the model was made for such images."""
        return shape == (self._height, self._width) and camera == self._camera

    def apply(
            self, gray: Image, pose: Pose | None, dt: float, sensitivity: float, memory_s: float,
    ) -> tuple[Image, Array, Callable[[float], None] | None]:
        """Compare an image with the model.

        Args:
            gray: the image.
            pose: of the head when it was taken.
            dt: time since the image before, in s.
            sensitivity: squared deviation that is foreground, in variances.
            memory_s: time after which an object at rest becomes background.

        Returns:
            The foreground mask, the homography from it to the image, and the background update, which takes the time in
            s that the image stands for; None where there is nothing to learn from the image.
        """
        if self._anchor is None:
            self._put_anchor(pose)
        if sensitivity != self._sensitivity:
            self._sensitivity = sensitivity
            self._prepare(_EVERYWHERE)
        to_mosaic = self._to_mosaic(pose)
        if not self._inside(to_mosaic):
            self._move_anchor(pose, to_mosaic)
            to_mosaic = self._to_mosaic(pose)
        frame = self._in_model_exposure(self._on_mosaic(gray, to_mosaic))
        foreground = self._deviating(frame)
        objects = self._without_shadows(frame, foreground)
        if self._illumination_changed(cv2.countNonZero(foreground) / gray.size, dt):
            return np.zeros_like(foreground), frame.to_image, None

        def update(step_s: float) -> None:
            brightness: Layer = frame.image.astype(np.float32)
            self._update_background(frame, brightness, foreground, step_s, memory_s)
            self._update_candidate(frame, brightness, foreground, step_s, memory_s)
            self._prepare(frame.area)
            if not frame.still:
                self._choose_landmarks(frame, foreground, step_s)
            to_mosaic = self._to_mosaic(pose)  # with the correction of the registration
            if not self._inside(to_mosaic, _SPARE_MARGIN):  # better now than when an image waits for it
                self._move_anchor(pose, to_mosaic)
        return objects, frame.to_image, update

    # Position of an image on the mosaic

    def _to_mosaic(self, pose: Pose | None) -> Array:
        """Return the homography from an image at ``pose`` to the mosaic, as the newest images had it."""
        shift = _shift(self._left + self._correction[0], self._top + self._correction[1])
        if pose is None or self._anchor is None or self._camera is None:
            return shift
        homography = shift @ self._from_rays @ base_from_optical(self._camera, pose.pan, pose.tilt) @ self._rays
        return np.asarray(homography / homography[2, 2])

    def _put_anchor(self, pose: Pose | None) -> None:
        self._anchor = pose
        if pose is not None and self._camera is not None:
            self._from_rays = self._intrinsic @ base_from_optical(self._camera, pose.pan, pose.tilt).T

    def _corners(self, to_mosaic: Array) -> Array | None:
        """Return where an image's corners are on the mosaic; None where the anchor's camera would not see them."""
        corners = self._outline @ to_mosaic.T
        return None if corners[:, 2].min() < 0.2 else corners[:, :2] / corners[:, 2:]

    def _inside(self, to_mosaic: Array, margin: float = 0.0) -> bool:
        """Return whether an image is on the mosaic, with a margin around it, as a fraction of its width."""
        corners = self._corners(to_mosaic)
        margin *= self._width
        return corners is not None and bool(
            corners.min() >= margin and (corners <= np.subtract(self._mean.shape[::-1], 1.0 + margin)).all())

    def _move_anchor(self, pose: Pose | None, to_mosaic: Array) -> None:
        """Make ``pose`` the anchor and carry the model over."""
        self._put_anchor(pose)
        if self._corners(to_mosaic) is None:
            self._reset()
            return
        to_new = np.linalg.inv(to_mosaic @ _shift(-self._left, -self._top))
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
        self._candidate = carried(self._candidate, cv2.INTER_LINEAR)
        self._age = carried(self._age, cv2.INTER_NEAREST)
        self._candidate_age = carried(self._candidate_age, cv2.INTER_NEAREST)
        # Pixels beside unseen ones are mixed with them and start again.
        self._variance = carried(self._variance, cv2.INTER_LINEAR, _UNSEEN)
        mixed = self._variance > 0.001 * _UNSEEN
        for layer, value in ((self._variance, _UNSEEN), (self._age, 0.0), (self._candidate_age, 0.0)):
            np.copyto(layer, value, where=mixed)
        self._prepare(_EVERYWHERE)

    def _on_mosaic(self, gray: Image, to_mosaic: Array) -> WarpedFrame:
        if np.abs(to_mosaic - _shift(self._left, self._top)).max() < _STILL_PX:
            area = (slice(self._top, self._top + self._height), slice(self._left, self._left + self._width))
            return WarpedFrame(area, gray, np.eye(3), None)
        return self._warp(gray, self._registered(gray, to_mosaic))

    def _registered(self, gray: Image, to_mosaic: Array) -> Array:
        """Return the homography, corrected by the shift that remains between model and image."""
        shift = self._remaining_shift(gray, to_mosaic)
        self._lost = shift is None
        if shift is None or float(np.abs(shift).max()) < _STILL_PX:
            return to_mosaic
        self._correction -= shift
        return _shift(-float(shift[0]), -float(shift[1])) @ to_mosaic

    def _illumination_changed(self, share: float, dt: float) -> bool:
        """Return whether so much of the image is foreground that the model is wrong; reset it when that lasts."""
        if share <= (_RESET_SHARE_LOST if self._lost else _RESET_SHARE):
            self._reset_after_s = 0.0
            return False
        self._reset_after_s += dt
        if self._reset_after_s > _RESET_S:
            self._reset()
        return True

    def _reset(self) -> None:
        """Discard the model."""
        self._age[:] = self._candidate_age[:] = 0.0
        self._variance[:] = _UNSEEN
        self._prepare(_EVERYWHERE)
        self._landmarks = None
        self._correction = np.zeros(2)
        self._reset_after_s = 0.0

    def _warp(self, gray: Image, to_mosaic: Array) -> WarpedFrame:
        corners = self._corners(to_mosaic)
        assert corners is not None  # the anchor was moved close to the pose
        height, width = self._mean.shape
        left, top = (max(0, math.floor(v)) for v in corners.min(axis=0))
        right, bottom = (math.ceil(v) + 1 for v in corners.max(axis=0))
        right, bottom = min(right, width), min(bottom, height)
        area = (slice(top, bottom), slice(left, right))
        to_image = cv2.invert(to_mosaic)[1] @ _shift(left, top)
        image = cv2.warpPerspective(
            gray[_BORDER:-_BORDER, _BORDER:-_BORDER], _shift(-_BORDER, -_BORDER) @ to_image,
            (right - left, bottom - top), dst=self._expected[area].copy(),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_TRANSPARENT)
        return WarpedFrame(area, image, to_image, corners - (left, top))  # type: ignore[arg-type]

    def _remaining_shift(self, gray: Image, to_mosaic: Array) -> Array | None:
        """Return the shift of the image from the model in px of the mosaic; None where too few landmarks agree.

        It is zero where too few are in view.
        """
        if self._landmarks is None:
            return np.zeros(2)
        expected = cv2.perspectiveTransform(self._landmarks, cv2.invert(to_mosaic)[1])
        size = np.array(gray.shape[::-1], np.float32)
        in_view = ((expected > 8.0) & (expected < size - 9.0)).all(axis=(1, 2))
        points, expected = self._landmarks[in_view], expected[in_view]
        if len(points) < _MIN_LANDMARKS:
            return np.zeros(2)
        left, top = np.maximum(points.min(axis=(0, 1)) - 8.0, 0.0).astype(int)
        model = self._expected[top:top + self._height, left:left + self._width]
        image = gray[:model.shape[0], :model.shape[1]]
        # At half the size it is exact enough, and takes a fifth less time.
        half = (model.shape[1] // 2, model.shape[0] // 2)
        small_model, small_image = (cv2.resize(v, half, interpolation=cv2.INTER_AREA) for v in (model, image))
        seen, ok, _ = cv2.calcOpticalFlowPyrLK(
            small_model, small_image, 0.5 * (points - np.array((left, top), np.float32)) - 0.25, 0.5 * expected - 0.25,
            winSize=(11, 11), maxLevel=1, flags=cv2.OPTFLOW_USE_INITIAL_FLOW)
        moves = (cv2.perspectiveTransform(2.0 * seen + 0.5, to_mosaic) - points)[ok.ravel() == 1].reshape(-1, 2)
        if not len(moves):
            return None
        # The background is what most landmarks agree with; those that something hides go anywhere.
        alike = np.abs(moves[:, np.newaxis] - moves).max(axis=2) < _AGREEING_PX
        agreeing = moves[alike[int(np.argmax(alike.sum(axis=1)))]]
        shift = np.asarray(agreeing.mean(axis=0), np.float64)
        if len(agreeing) < max(_MIN_LANDMARKS, _MIN_AGREEING * len(points)) or np.abs(shift).max() > _MAX_SHIFT_PX:
            return None
        return shift

    def _choose_landmarks(self, frame: WarpedFrame, foreground: Mask, dt: float) -> None:
        """Find points of the background that are easy to track."""
        self._landmarks_age_s += dt
        if self._landmarks is not None and self._landmarks_age_s < _LANDMARKS_S:
            return
        settled = cv2.subtract(frame.valid, foreground)
        settled[self._age[frame.area] <= _SETTLED_S] = 0
        mask = cv2.erode(settled, np.ones((9, 9), np.uint8))
        found = cv2.goodFeaturesToTrack(self._expected[frame.area], _LANDMARKS, 0.02, 10.0, mask=mask)
        self._landmarks = None if found is None else found + _corner(frame.area)
        self._landmarks_age_s = 0.0

    # Comparison of an image with the model

    def _in_model_exposure(self, frame: WarpedFrame) -> WarpedFrame:
        """Return an image in the exposure of the model, with the bands of flickering light taken out."""
        every = (slice(None, None, _SAMPLED), slice(None, None, _SAMPLED))
        seen, model = frame.image[every].astype(np.float32), self._mean[frame.area][every]
        usable = (self._variance[frame.area][every] < _UNSEEN) & (model > 8.0) & (seen < 250.0)
        if not frame.still:
            usable &= frame.valid[every] > 0
        if np.count_nonzero(usable) < _SAMPLED:
            return frame
        ratio = np.divide(seen, model, out=np.ones_like(seen), where=usable)
        gain = float(np.median(ratio[usable]))

        def explained(gains: Any) -> float:
            return np.count_nonzero(usable & (np.abs(seen - gains * model) < _GAIN_TOLERANCE)) / seen.size

        plain = explained(1.0)
        if abs(gain - 1.0) < _GAIN_STEP or explained(gain) < plain:
            gain = 1.0
        rows = np.median(np.where(usable, ratio, gain), axis=1)
        rows = cv2.medianBlur(rows.astype(np.float32)[:, np.newaxis], 3)[:, 0]
        banded = float(np.ptp(rows)) > _BAND_GAIN and (
            explained(rows[:, np.newaxis]) > max(plain, explained(gain)) + _BAND_SHARE)
        if gain == 1.0 and not banded:
            return frame
        if not 1.0 / _MAX_GAIN < gain < _MAX_GAIN:
            self._follow_exposure(gain)
            return frame
        if banded:
            at = (np.arange(frame.image.shape[0]) - 0.5 * (_SAMPLED - 1.0)) / _SAMPLED
            per_row = np.interp(at, np.arange(len(rows)), rows).astype(np.float32)
            factors = np.repeat(1.0 / np.maximum(per_row, 0.1)[:, np.newaxis], frame.image.shape[1], axis=1)
            image = np.asarray(cv2.multiply(frame.image, factors, dtype=cv2.CV_8U), np.uint8)
        else:
            image = np.asarray(cv2.convertScaleAbs(frame.image, alpha=1.0 / gain), np.uint8)
        if not frame.still:  # outside of the image is the background, whatever the exposure
            image = np.where(frame.valid > 0, image, self._expected[frame.area])
        return dataclasses.replace(frame, image=image)

    def _follow_exposure(self, gain: float) -> None:
        """Express the model in the exposure of the newest image."""
        self._mean *= gain
        self._candidate *= gain
        self._variance[self._variance < _UNSEEN] *= gain**2
        self._prepare(_EVERYWHERE)

    def _prepare(self, area: Area) -> None:
        """Compute what images are compared with: squared, a pixel may deviate by ``sensitivity`` times its variance."""
        limit = np.maximum(self._variance[area], _NOISE_FLOOR)
        limit *= self._sensitivity
        np.sqrt(limit, out=limit)
        # OpenCV saturates and rounds to the nearest; what is allowed are the whole numbers below the limit.
        cv2.subtract(limit, 0.499, dst=self._allowed[area], dtype=cv2.CV_8U)  # type: ignore[call-overload]
        cv2.convertScaleAbs(self._mean[area], dst=self._expected[area])

    def _expected_around(self, frame: WarpedFrame) -> tuple[Image, Image]:
        """Return the darkest and the brightest background at a pixel, or beside it while the head turns."""
        expected = self._expected[frame.area]
        if frame.still:
            return expected, expected
        return cv2.erode(expected, _AROUND), cv2.dilate(expected, _AROUND)  # type: ignore[return-value]

    def _deviating(self, frame: WarpedFrame) -> Mask:
        """Return where an image deviates from the background there, or beside it while the head turns."""
        allowed = self._allowed[frame.area]
        darkest, brightest = self._expected_around(frame)
        low, high = cv2.subtract(darkest, allowed), cv2.add(brightest, allowed)
        return cv2.bitwise_not(cv2.inRange(frame.image, low, high))  # type: ignore[return-value]

    def _without_shadows(self, frame: WarpedFrame, foreground: Mask) -> Mask:
        """Take shadows out of a mask, and return it without specks."""
        objects = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, _SMALL)
        x, y, width, height = cv2.boundingRect(objects)
        if width:
            left, top = max(0, x - 2), max(0, y - 2)  # beyond that nothing reaches the objects
            part = (slice(top, y + height + 2), slice(left, x + width + 2))
            brightness: Layer = frame.image[part].astype(np.float32)
            foreground[part][_shadow(brightness, self._mean[frame.area][part])] = 0
            objects[part] = cv2.morphologyEx(foreground[part], cv2.MORPH_OPEN, _SMALL)
        return objects  # type: ignore[return-value]

    # Update of the model

    def _update_background(
            self, frame: WarpedFrame, brightness: Layer, foreground: Mask, dt: float, memory_s: float) -> None:
        """Average what agrees with the background over the time seen, at most over the memory."""
        mean, variance, age = self._mean[frame.area], self._variance[frame.area], self._age[frame.area]
        squared = self._squared_deviation(frame, brightness)
        if cv2.minMaxLoc(variance)[1] >= _UNSEEN:
            new = (frame.valid > 0) & (variance == _UNSEEN)
            mean[new] = brightness[new]
            variance[new] = squared[new] = _NEW_VARIANCE if frame.still else _NEW_VARIANCE_TURNING
        step = max(dt, _MIN_STEP_S)
        learned = cv2.multiply(cv2.subtract(frame.valid, foreground), step / 255.0, dtype=cv2.CV_32F)  # type: ignore[call-overload]
        # OpenCV works in the part of a layer; numpy takes three times as long there.
        cv2.add(age, learned, dst=age)
        cv2.threshold(age, memory_s, memory_s, cv2.THRESH_TRUNC, dst=age)
        weight = learned / np.maximum(age, np.float32(step))
        cv2.accumulateProduct(cv2.subtract(brightness, mean), weight, mean)
        cv2.accumulateProduct(cv2.subtract(squared, variance), weight, variance)

    def _squared_deviation(self, frame: WarpedFrame, brightness: Layer) -> Layer:
        """Return the squared deviation of an image from the background there, or beside it while the head turns."""
        if frame.still:
            deviation: Layer = brightness - self._mean[frame.area]
            deviation *= deviation
            return deviation
        seen = cv2.convertScaleAbs(brightness)
        darkest, brightest = self._expected_around(frame)
        outside = cv2.max(cv2.subtract(darkest, seen), cv2.subtract(seen, brightest))  # each zero where it is not
        return cv2.multiply(outside, outside, dtype=cv2.CV_32F)  # type: ignore[return-value]

    def _update_candidate(
            self, frame: WarpedFrame, brightness: Layer, foreground: Mask, dt: float, memory_s: float) -> None:
        """Update the candidates in the foreground, and make background of those that are ghosts or old enough."""
        area = frame.area
        somewhere = np.flatnonzero(foreground != 0)  # of the mask itself it takes four times as long
        y, x = np.divmod(somewhere, foreground.shape[1])
        where = (y + area[0].start) * self._mean.shape[1] + (x + area[1].start)
        seen, candidate, candidate_age, mean, age = brightness.take(somewhere), *(layer.take(where) for layer in (
            self._candidate, self._candidate_age, self._mean, self._age))
        difference = seen - candidate
        fits = difference * difference < np.float32(2.0 * _NOISE_FLOOR * self._sensitivity)
        step = np.float32(max(dt, _MIN_STEP_S))
        candidate_age = np.where(fits, np.minimum(candidate_age + step, np.float32(memory_s)), step)
        candidate = np.where(fits, candidate + difference * step / candidate_age, seen)
        replaces = (candidate_age >= memory_s) | (
            (candidate_age >= _MAJORITY_S) & (candidate_age >= _MAJORITY * age))
        self._candidate.put(where, np.where(replaces, mean, candidate))
        self._candidate_age.put(where, np.where(replaces, age, candidate_age))
        self._replace(where[replaces], candidate[replaces], candidate_age[replaces])
        self._ghosts_due_s -= dt
        if self._ghosts_due_s <= 0.0 and len(somewhere):
            self._ghosts_due_s = _GHOST_PERIOD_S
            stable = np.zeros_like(foreground)
            at_rest = ~replaces & (candidate_age >= max(_STABLE_S, 1.9 * step))
            stable.put(somewhere[at_rest], 255)
            self._remove_ghosts(frame, foreground, stable)

    def _replace(self, where: npt.NDArray[np.intp], mean: Layer, age: Layer) -> None:
        """Make candidates the background of pixels."""
        self._mean.put(where, mean)
        self._age.put(where, age)
        self._variance.put(where, np.float32(_NEW_VARIANCE))

    def _remove_ghosts(self, frame: WarpedFrame, foreground: Mask, stable: Mask) -> None:
        """Make background of each region at rest that looks more like its surroundings than the model there does."""
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(stable, connectivity=8, ltype=cv2.CV_16U)
        expected = self._expected[frame.area]
        for label in range(1, count):
            left, top, width, height, size = boxes[label]
            if size < _GHOST_AREA:
                continue
            part = (slice(max(0, top - 5), top + height + 5), slice(max(0, left - 5), left + width + 5))
            region: Mask = (labels[part] == label).astype(np.uint8)
            outside: Layer = (foreground[part] == 0).astype(np.float32)
            support = cv2.blur(outside, _SURROUNDINGS)
            border = cv2.subtract(region, cv2.erode(region, _NEAR, borderValue=0))
            judged = (border > 0) & (support > _MIN_SUPPORT)
            if np.count_nonzero(judged) < _GHOST_BORDER * np.count_nonzero(border):
                continue
            around = (cv2.blur(expected[part] * outside, _SURROUNDINGS)[judged]) / support[judged]
            model, seen = (float(np.abs(image[part][judged] - around).mean()) for image in (expected, frame.image))
            if model <= _GHOST_CONTRAST * seen:
                continue
            age, rest_s = (float(np.median(layer[frame.area][part][border > 0]))
                           for layer in (self._age, self._candidate_age))
            if age > _SETTLED_GHOST_S and (model <= _SETTLED_CONTRAST * seen or rest_s <= _SETTLED_REST_S):
                continue
            y, x = np.nonzero(region)
            where = (y + part[0].start + frame.area[0].start) * self._mean.shape[1] + (
                x + part[1].start + frame.area[1].start)
            self._replace(where, self._candidate.take(where), self._candidate_age.take(where))
            self._candidate_age.put(where, 0.0)


def _shadow(brightness: Layer, model: Layer) -> npt.NDArray[np.bool_]:
    """Return where an image shows the pattern of the model, darker by a factor that is the same all around.

    Where the model has no pattern only a weak darkening is a shadow: a stronger one may be an object.
    """
    factor: Layer = np.divide(brightness, np.maximum(model, 1.0), dtype=np.float32)
    darker = (factor > _DARKEST_SHADOW) & (factor < 1.0)
    if not darker.any():
        return darker
    shadow = darker & (_local_variance(factor) < _SHADOW_SPREAD**2)
    shadow &= (factor > _WEAK_SHADOW) | (_local_variance(model) > (_PATTERN * model) ** 2)
    return darker & (cv2.dilate(shadow.astype(np.uint8), _NEAR) > 0)  # with its soft edge


def _local_variance(values: Layer) -> Layer:
    mean = cv2.blur(values, _SHADOW_WINDOW)
    return cv2.blur(values * values, _SHADOW_WINDOW) - mean * mean


def _shift(x: float, y: float) -> Array:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _corner(area: Area) -> npt.NDArray[np.float32]:
    return np.array([area[1].start, area[0].start], np.float32)
