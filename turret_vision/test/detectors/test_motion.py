# SPDX-License-Identifier: Apache-2.0
"""What moves is found, and the room is not, whatever the head, the light and the stamps do."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import pytest

from turret_common.geometry import (
    BODY_FROM_OPTICAL,
    Bearing,
    PinholeCamera,
    base_from_head,
    bearing_to_pixel,
    direction,
)
from turret_common.pose_history import Pose
from turret_vision.detectors.detection import Box, Detection, Image, make_view
from turret_vision.detectors.motion import MotionDetector, MotionParameters

CAMERA = PinholeCamera.from_field_of_view(320, 240, math.radians(60.0))
FPS = 30.0
PARAMETERS = MotionParameters(min_area=500)
LEVEL = Pose(0.0, 0.0)


class Room:
    """A textured panorama, sampled by bearing, in front of which a disc may move."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        coarse = cv2.resize(self.rng.integers(0, 255, (60, 160), np.uint8), (960, 360), interpolation=cv2.INTER_LINEAR)
        fine = cv2.resize(self.rng.integers(0, 255, (240, 640), np.uint8), (960, 360), interpolation=cv2.INTER_LINEAR)
        self.panorama = (60.0 + 0.35 * coarse + 0.2 * fine).astype(np.uint8)
        x, y = np.meshgrid(np.arange(CAMERA.width), np.arange(CAMERA.height))
        self.rays = np.stack([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, np.ones_like(x, float)], axis=2)

    def image(self, pose: Pose, target: Bearing | None = None, light: float = 1.0, radius: float = 11.0) -> Image:
        rays = self.rays @ (base_from_head(pose.pan, pose.tilt) @ BODY_FROM_OPTICAL).T
        azimuth = np.arctan2(rays[..., 1], rays[..., 0])
        elevation = np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1]))
        scale = 960.0 / math.radians(160.0)
        image = cv2.remap(
            self.panorama, (480.0 - scale * azimuth).astype(np.float32), (180.0 - scale * elevation).astype(np.float32),
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if target is not None:
            pixel = bearing_to_pixel(CAMERA, target, pose.pan, pose.tilt)
            assert pixel is not None
            cv2.circle(image, (round(pixel[0]), round(pixel[1])), round(radius), 235, -1, cv2.LINE_AA)
        noisy = light * image + self.rng.normal(0.0, 2.0, image.shape)
        return cv2.cvtColor(np.clip(noisy, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


class Watch:
    """A motion detector that watches a room through a head."""

    def __init__(self, **parameters: float) -> None:
        self.detector = MotionDetector(dataclasses.replace(PARAMETERS, **parameters))  # type: ignore[arg-type]
        self.room = Room()
        self.t = 0.0

    def look(self, pose: Pose = LEVEL, target: Bearing | None = None, reported: Pose | None = None,
             light: float = 1.0) -> list[Detection]:
        view = make_view(
            self.room.image(pose, target, light), self.t, self.detector.width, pose=reported or pose, camera=CAMERA)
        self.t += 1.0 / FPS
        return [dataclasses.replace(d, box=view.in_full_image(d.box)) for d in self.detector.detect(view)]


def error(box: Box, target: Bearing, pose: Pose) -> float:
    pixel = bearing_to_pixel(CAMERA, target, pose.pan, pose.tilt)
    assert pixel is not None
    return math.hypot(box.x - pixel[0], box.y - pixel[1])


def test_a_still_room_does_not_move() -> None:
    watch = Watch()
    assert [watch.look() for _ in range(30)] == [[]] * 30


def test_a_moving_disc_is_found_by_a_still_head() -> None:
    watch = Watch()
    for _ in range(10):
        watch.look()
    for i in range(30):
        target = Bearing(0.3 - 0.02 * i, 0.05)
        (found,) = watch.look(target=target)
        assert found.class_id == 'motion'
        assert [type(number) for number in found.box] == 4 * [float]  # others break messages and statistics
        assert error(found.box, target, LEVEL) < 1.5
        assert found.box.width == pytest.approx(22.0, abs=3.0)


@pytest.mark.parametrize('pan', [0.0, 0.05])
def test_its_mask_covers_what_moves_in_the_image(pan: float) -> None:
    watch = Watch()
    assert watch.detector.mask() is None
    for _ in range(10):
        watch.look()
    pose = Pose(pan, 0.0)
    for _ in range(10):
        watch.look(pose)
    (found,) = watch.look(pose, target=Bearing(0.1, 0.05))
    mask = watch.detector.mask()
    assert mask is not None
    assert mask.shape == (CAMERA.height, CAMERA.width)
    assert set(np.unique(mask)) == {0, 255}
    left, top, width, height = cv2.boundingRect(mask)
    assert Box.from_rect(left, top, width, height).iou(found.box) > 0.8


@pytest.mark.parametrize('late_s', [0.0, 0.02, -0.02])
def test_a_turning_head_moves_no_wall_though_its_stamps_are_off(late_s: float) -> None:
    watch = Watch()

    def pose(t: float) -> Pose:
        return Pose(0.35 * math.sin(1.5 * t), 0.1 * math.sin(2.2 * t))  # up to 30 degrees/s
    seen = 0
    for _ in range(120):
        t = watch.t
        seen += len(watch.look(pose(t), reported=pose(t + late_s)))
    assert seen <= 2


@pytest.mark.parametrize('late_s', [0.0, 0.02])
def test_a_disc_is_found_and_the_wall_is_not_while_the_head_follows_it(late_s: float) -> None:
    watch = Watch()

    def pose(t: float) -> Pose:
        return Pose(0.3 * math.sin(1.2 * t), 0.0)
    for _ in range(15):
        watch.look(pose(0.0))
    watch.t = 0.0
    hits = false = 0
    for _ in range(90):
        t = watch.t
        target = Bearing(0.3 * math.sin(1.2 * t) + 0.15 * math.sin(4.0 * t) + 0.1, 0.03)
        found = watch.look(pose(t), target, reported=pose(t + late_s))
        near = [d for d in found if error(d.box, target, pose(t)) < 6.0]
        hits += bool(near)
        false += len(found) - len(near)
    assert hits >= 80
    assert false <= 4


def test_a_turning_head_moves_no_wall_in_another_exposure() -> None:
    watch = Watch()
    for _ in range(30):
        watch.look()
    seen = 0
    for i in range(90):
        pose = Pose(0.3 * math.sin(0.05 * i), 0.0)
        seen += len(watch.look(pose, light=0.8))
    assert seen <= 2


def test_a_change_of_exposure_moves_nothing() -> None:
    watch = Watch()
    for _ in range(30):
        watch.look()
    found = [watch.look(light=1.0 - 0.01 * i) for i in range(40)]
    found += [watch.look(light=0.9) for _ in range(10)]
    assert sum(map(len, found)) == 0


def test_a_lamp_switched_off_is_no_motion_for_long() -> None:
    watch = Watch()
    for _ in range(30):
        watch.look()
    assert sum(len(watch.look(light=0.35)) for _ in range(30)) <= 30
    assert watch.look(light=0.35) == []


def test_what_stands_still_becomes_background_after_its_time() -> None:
    watch = Watch(memory_s=1.0)
    for _ in range(60):
        watch.look()
    target = Bearing(0.1, 0.0)
    seen = [len(watch.look(target=target)) for _ in range(60)]
    assert seen[:25] == [1] * 25
    assert seen[40:] == [0] * 20
    watch.look()
    assert watch.look() == []  # the wall behind was remembered: nothing remains of the disc


def test_what_moves_from_the_first_image_on_leaves_no_ghost_and_is_not_absorbed() -> None:
    watch = Watch()
    for i in range(60):
        target = Bearing(0.25 - 0.02 * i, 0.05) if i < 25 else Bearing(-0.25, 0.05)
        found = watch.look(target=target)
        if i > 12:
            assert [error(d.box, target, LEVEL) < 4.0 for d in found] == [True]


def test_an_object_that_stops_in_a_freshly_uncovered_part_is_kept_and_its_ghost_is_not() -> None:
    watch = Watch()
    for _ in range(30):
        watch.look(Pose(-0.4, 0.0))
    for i in range(90):  # the head arrives while the object is about to leave the spot where it was first seen
        target = Bearing(0.45 - 0.02 * min(i, 15), 0.0)
        found = watch.look(Pose(0.3, 0.0), target)
        if i > 20:
            assert [error(d.box, target, Pose(0.3, 0.0)) < 4.0 for d in found] == [True]


@pytest.mark.parametrize('banded', [False, True])
@pytest.mark.parametrize('amplitude', [0.06, 0.15])
def test_flicker_hides_nothing_and_moves_nothing(amplitude: float, banded: bool) -> None:
    watch = Watch()
    rng = np.random.default_rng(2)
    hits = false = 0
    for i in range(60):
        target = Bearing(0.3 - 0.012 * i, 0.05) if i > 10 else None
        gain = np.full((CAMERA.height, 1, 1), 1.0 + amplitude * rng.uniform(-1.0, 1.0))
        if banded:
            gain[:, 0, 0] = 1.0 + amplitude * np.sin(2.0 * np.pi * (np.arange(CAMERA.height) / 80.0 + 0.37 * i))
        image = np.clip(gain * watch.room.image(LEVEL, target), 0, 255).astype(np.uint8)
        view = make_view(image, i / FPS, 320, pose=LEVEL, camera=CAMERA)
        found = watch.detector.detect(view)
        near = [d for d in found if target and error(d.box, target, LEVEL) < 4.0]
        hits += bool(near)
        false += len(found) - len(near)
    assert hits >= 44
    assert false <= 4


def test_a_small_image_shows_the_same_objects_as_a_large_one() -> None:
    for width in (160, 320, 1280):
        detector, room = MotionDetector(MotionParameters()), Room()
        for i in range(12):
            target = Bearing(0.2 - 0.02 * i, 0.0) if i > 8 else None
            image = cv2.resize(room.image(LEVEL, target), (width, width * 3 // 4), interpolation=cv2.INTER_AREA)
            found = detector.detect(make_view(image, i / FPS, 320))
        assert len(found) == 1, width


def test_a_shadow_is_no_motion() -> None:
    watch = Watch()
    for _ in range(20):
        watch.look()
    plain = watch.room.image(LEVEL)
    shaded = plain.copy()
    shaded[100:150, 125:200] = (0.72 * shaded[100:150, 125:200]).astype(np.uint8)
    view = make_view(shaded, watch.t, 320, pose=LEVEL, camera=CAMERA)
    assert watch.detector.detect(view) == []


def test_two_discs_apart_are_two_and_fragments_of_one_are_one() -> None:
    watch = Watch()
    for _ in range(10):
        watch.look()
    scene = watch.room.image(LEVEL, Bearing(0.3, 0.0))
    cv2.circle(scene, (250, 120), 11, (235, 235, 235), -1)
    cv2.rectangle(scene, (75, 175), (95, 190), (235, 235, 235), -1)
    cv2.rectangle(scene, (75, 194), (95, 210), (235, 235, 235), -1)  # 4 px below: one object
    found = watch.detector.detect(make_view(scene, watch.t, 320, pose=LEVEL, camera=CAMERA))
    assert len(found) == 3


def test_it_works_without_poses_and_camera_and_restarts_when_time_runs_backwards() -> None:
    room, detector = Room(), MotionDetector(PARAMETERS)
    for i in range(10):
        assert detector.detect(make_view(room.image(LEVEL), 5.0 + i / FPS, 320)) == []
    found = detector.detect(make_view(room.image(LEVEL, Bearing(0.1, 0.1)), 5.4, 320))
    assert len(found) == 1
    assert detector.detect(make_view(room.image(LEVEL, Bearing(0.1, 0.1)), 1.0, 320)) == []


def test_a_direction_is_where_the_room_shows_it() -> None:
    # Guards the drawing itself: the panorama and the pinhole camera must agree, or the tests above mean nothing.
    room = Room()
    assert direction(Bearing(0.0, 0.0)) == pytest.approx([1.0, 0.0, 0.0])
    room.panorama[:] = 40
    scale = 960.0 / math.radians(160.0)
    cv2.circle(room.panorama, (round(480 - scale * 0.3), round(180 - scale * 0.1)), 3, 250, -1)
    gray = room.image(Pose(0.2, 0.05))[..., 0]
    y, x = np.unravel_index(int(np.argmax(cv2.GaussianBlur(gray, (7, 7), 0))), gray.shape)
    pixel = bearing_to_pixel(CAMERA, Bearing(0.3, 0.1), 0.2, 0.05)
    assert pixel == (pytest.approx(x, abs=2.0), pytest.approx(y, abs=2.0))


def test_it_updates_when_asked_or_else_before_the_next_image() -> None:
    reported, alone = Watch(), Watch()
    for i in range(40):
        target = Bearing(0.01 * i - 0.2, 0.0) if i > 20 else None
        seen = reported.look(target=target)
        reported.detector.update()
        reported.detector.update()  # there is nothing left to learn
        assert repr(alone.look(target=target)) == repr(seen)  # the confidence is NaN, which is not equal to itself
    assert seen


def test_a_fragment_belongs_to_the_object_beside_it_and_people_side_by_side_stay_apart() -> None:
    detector = MotionDetector(MotionParameters())

    def found(*regions: tuple[int, int, int, int]) -> list[tuple[float, ...]]:
        mask = np.zeros((240, 320), np.uint8)
        for left, top, width, height in regions:
            mask[top:top + height, left:left + width] = 255
        return sorted(tuple(d.box) for d in detector.objects(mask, np.eye(3), mask.size))

    assert found((100, 40, 40, 150), (150, 100, 12, 30)) == [Box.from_rect(100, 40, 62, 150)]
    assert len(found((100, 40, 40, 150), (150, 40, 40, 150))) == 2
    assert len(found((100, 40, 40, 150), (200, 100, 12, 30))) == 2


@pytest.mark.parametrize(('regions', 'objects'), [
    ([(100, 40, 40, 120), (143, 40, 40, 120), (140, 90, 3, 2)], 2),    # two people and a hand between them
    ([(100, 40, 40, 80), (138, 122, 40, 80), (138, 120, 2, 2)], 2),    # one of them further away
    ([(100, 40, 40, 120), (143, 40, 40, 120), (140, 90, 3, 12)], 1),   # linked by more than contrast that was lost
    ([(100, 40, 40, 60), (105, 102, 40, 60), (120, 100, 2, 2)], 1),    # a body without its belt
    ([(100, 40, 40, 120), (143, 80, 20, 40), (140, 90, 3, 2)], 1),     # a person and what they carry
    ([(100, 40, 8, 20), (110, 40, 8, 20), (108, 45, 2, 2)], 1),        # each half is smaller than what is reported
])
def test_people_who_touch_stay_apart(regions: list[tuple[int, int, int, int]], objects: int) -> None:
    mask = np.zeros((240, 320), np.uint8)
    for left, top, width, height in regions:
        mask[top:top + height, left:left + width] = 255
    found = MotionDetector(MotionParameters(min_area=800)).objects(mask, np.eye(3), mask.size)
    assert len(found) == objects
    covered = Box.around([d.box for d in found])
    assert covered == Box.around([Box.from_rect(*region) for region in regions])  # nothing is lost
