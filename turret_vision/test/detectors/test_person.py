# SPDX-License-Identifier: Apache-2.0
"""The eyes of the person exclusion: made-up detectors for the geometry, real footage for the finding."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera, angle_between, pixel_to_bearing
from turret_common.params import specs
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, Image, View
from turret_vision.detectors.detector import Detector
from turret_vision.detectors.haar import HaarParameters
from turret_vision.detectors.hog import HogParameters
from turret_vision.detectors.person import FreezeWatch, find_people, people_detectors, require_sight
from turret_vision.exclusion_parameters import ExclusionParameters
from turret_vision.footage.clips import frames
from turret_vision.footage.ground_truth_boxes import FACE_CLIP, WALKERS_CLIP, load_marked_boxes

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
BLANK: Image = np.full((480, 640, 3), 128, np.uint8)


class Finder(Detector[None]):
    """A detector that finds one box in the reduced image."""

    width = 320

    def __init__(self) -> None:
        super().__init__(None)

    def detect(self, view: View) -> list[Detection]:
        assert view.image.shape == (240, 320, 3)
        return [Detection('face', Box(99.5, 59.5, 20.0, 40.0))]


def test_a_person_is_a_circle_around_a_bearing_that_holds_the_whole_box() -> None:
    pose = Pose(0.3, -0.2)
    person, = find_people([Finder()], BLANK, 1.0, CAMERA, pose)
    assert person.class_id == 'face'
    assert person.box == Box(199.5, 119.5, 40.0, 80.0)
    assert person.bearing == pixel_to_bearing(CAMERA, 199.5, 119.5, 0.3, -0.2)
    corners = [pixel_to_bearing(CAMERA, 199.5 + dx, 119.5 + dy, 0.3, -0.2) for dx in (-20, 20) for dy in (-40, 40)]
    distances = [angle_between(person.bearing, corner) for corner in corners]
    assert person.radius == max(distances)


def test_the_camera_may_be_described_at_another_size() -> None:
    person, = find_people([Finder()], BLANK, 1.0, CAMERA.scaled(1280, 960), Pose(0.0, 0.0))
    expected = pixel_to_bearing(CAMERA, 199.5, 119.5, 0.0, 0.0)
    assert angle_between(person.bearing, expected) < 1e-6


@pytest.mark.parametrize(('camera', 'pose'), [(None, Pose(0.0, 0.0)), (CAMERA, None)])
def test_without_camera_or_pose_a_person_has_no_bearing(camera: PinholeCamera | None, pose: Pose | None) -> None:
    person, = find_people([Finder()], BLANK, 1.0, camera, pose)
    assert all(map(math.isnan, (*person.bearing, person.radius)))


def test_every_detector_is_used() -> None:
    assert len(find_people([Finder(), Finder()], BLANK, 1.0, None, None)) == 2
    assert {(d.name, d.mode) for d in people_detectors(ExclusionParameters())} - {('blazeface', 'back')} == {
        ('hog', 'people'), ('haar', 'face'), ('haar', 'face_profile')}


def test_every_group_of_detectors_must_find_the_person_in_the_photo() -> None:
    detectors = people_detectors(ExclusionParameters())
    require_sight(detectors)
    with pytest.raises(TurretError, match='built-in detectors did not find'):
        require_sight(detectors[1:3])  # faces, which the photo does not show


def test_the_detectors_are_more_sensitive_than_those_for_tracking(
        monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    for name in ('HogDetector', 'HaarDetector'):
        monkeypatch.setattr(f'turret_vision.detectors.person.{name}', made.append)
    people_detectors(ExclusionParameters(person_width=400, face_width=320))
    assert made == [
        HogParameters(width=400, hit_threshold=-0.9), HaarParameters(mode='face', width=320, scale_factor=1.2),
        HaarParameters(mode='face_profile', width=320, scale_factor=1.2)]


def test_a_plain_wall_has_no_people() -> None:
    assert find_people(people_detectors(ExclusionParameters()), BLANK, 0.0, CAMERA, Pose(0.0, 0.0)) == []


def test_a_missing_model_refuses_to_start() -> None:
    with pytest.raises(TurretError) as refused:
        people_detectors(ExclusionParameters(model='/nowhere.onnx'))
    assert refused.value.code is ReasonCode.DETECTOR_FAILED


def test_nothing_changes_at_run_time() -> None:
    assert not any(spec.info.live or spec.info.saved for spec in specs(ExclusionParameters).values())


def test_frozen_images_are_detected() -> None:
    watch, other = FreezeWatch(), BLANK.copy()
    other[3, 4, 1] += 1
    assert watch.unchanged_s(BLANK, 10.0) == 0.0
    assert watch.unchanged_s(BLANK.copy(), 10.1) == pytest.approx(0.1)
    assert watch.unchanged_s(BLANK.copy(), 10.4) == pytest.approx(0.4)
    assert watch.unchanged_s(other, 10.5) == 0.0
    assert watch.unchanged_s(BLANK, 10.6) == 0.0
    assert watch.unchanged_s(BLANK[:240], 10.7) == 0.0


def test_a_walker_and_a_face_of_real_footage_are_seen_where_they_are(footage: Path) -> None:
    detectors, marks = people_detectors(ExclusionParameters()), load_marked_boxes()[WALKERS_CLIP]
    capture = cv2.VideoCapture(str(footage / WALKERS_CLIP))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 300)
    _, image = capture.read()
    capture.release()
    mark = marks.at('walker 2', 300)
    assert mark is not None
    camera = PinholeCamera.from_field_of_view(768, 432, math.radians(60.0))
    people = find_people(detectors, image, 0.0, camera, Pose(0.0, 0.0))
    middle = pixel_to_bearing(camera, mark.x, mark.y, 0.0, 0.0)
    assert any(angle_between(person.bearing, middle) < person.radius for person in people)

    image = list(frames(str(footage / FACE_CLIP)))[20]
    camera = PinholeCamera.from_field_of_view(image.shape[1], image.shape[0], math.radians(60.0))
    people = find_people(detectors, image, 0.0, camera, Pose(0.0, 0.0))
    assert any(angle_between(person.bearing, Bearing(0.0, 0.0)) < person.radius + 0.2 for person in people)
