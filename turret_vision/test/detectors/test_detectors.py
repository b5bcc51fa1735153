# SPDX-License-Identifier: Apache-2.0
"""Cascades, people, markers, and what stands between detections."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from turret_common.geometry import PinholeCamera
from turret_common.params import build, specs
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.aruco import ArucoDetector, ArucoParameters
from turret_vision.detectors.detection import Box, Detection, Image, View, make_view
from turret_vision.detectors.detector import Detector
from turret_vision.detectors.haar import CASCADES, HaarDetector, HaarParameters
from turret_vision.detectors.hog import HogDetector, HogParameters
from turret_vision.detectors.model import blank_images
from turret_vision.detectors.motion import MotionDetector
from turret_vision.detectors.optical_flow import FlowFollower
from turret_vision.detectors.registry import DETECTORS, available, make_detector
from turret_vision.footage.clips import frames
from turret_vision.footage.evaluation import Trial, score, try_out
from turret_vision.footage.ground_truth_boxes import FACE_CLIP, load_marked_boxes
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

CAMERA = PinholeCamera.from_field_of_view(320, 240, 1.0)
LEVEL = Pose(0.0, 0.0)


@pytest.mark.parametrize('mode', ['face', 'face_alt'])
def test_the_face_is_found_in_every_frontal_frame(footage: Path, mode: str) -> None:
    clip = load_marked_boxes()[FACE_CLIP]
    detected, _ = try_out(Trial('face', FACE_CLIP, 5.0, 'haar', mode), footage, clip)
    frontal = [frame for frame in detected if frame.number in clip.frontal]
    assert len(frontal) == 12
    assert score(frontal)[:2] == (1.0, 1.0)  # recall, precision


def test_every_cascade_loads_and_finds_nothing_on_a_plain_wall() -> None:
    modes = specs(HaarParameters)['mode'].info.choices
    assert set(CASCADES) == set(modes)
    for mode in modes:
        detector = HaarDetector(HaarParameters(mode=mode))
        assert detector.mode == mode
        assert detector.detect(make_view(np.full((240, 320, 3), 128, np.uint8), 0.0)) == []


def test_walkers_are_found_as_people(footage: Path) -> None:
    capture = cv2.VideoCapture(str(footage / 'one-by-one-person-detection.mp4'))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 100)
    _, image = capture.read()
    detector = HogDetector(HogParameters())
    view = make_view(image, 0.0, detector.width)
    boxes = [view.in_full_image(d.box) for d in detector.detect(view)]
    assert any(abs(box.x - 450) < 60 for box in boxes)


@pytest.mark.parametrize(
    ('full', 'width', 'expected'), [(640, 480, 480), (1280, 480, 480), (768, 400, 400), (320, 480, 320)])
def test_an_image_can_be_reduced_to_just_a_width(full: int, width: int, expected: int) -> None:
    image = np.zeros((full * 3 // 4, full, 3), np.uint8)
    view = make_view(image, 0.0, width, camera=PinholeCamera.from_field_of_view(full, full * 3 // 4, 1.0), exact=True)
    assert view.image.shape[1] == pytest.approx(expected, abs=1)
    assert view.camera is not None
    assert view.camera.width == view.image.shape[1]
    whole = view.in_full_image(Box.from_rect(0, 0, view.image.shape[1], view.image.shape[0]))
    assert whole.width == pytest.approx(full, rel=0.01)


def test_the_smallest_face_is_a_parameter(footage: Path) -> None:
    clip = list(frames(str(footage / FACE_CLIP)))[10]  # from the front; the face is 27 px high below
    small = cv2.resize(clip, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    canvas = np.full((480, 640, 3), 128, np.uint8)
    canvas[100:100 + small.shape[0], 100:100 + small.shape[1]] = small
    view = make_view(canvas, 0.0)
    found = [len(HaarDetector(HaarParameters(width=0, min_size=size)).detect(view)) for size in (0, 20)]
    assert found == [0, 1]


def test_images_too_small_for_people_hold_none() -> None:
    assert HogDetector(HogParameters()).detect(make_view(np.zeros((100, 50, 3), np.uint8), 0.0)) == []


@pytest.mark.parametrize('mode', ['4x4_50', 'original', 'apriltag_36h11'])
def test_markers_are_read(mode: str) -> None:
    name = f'DICT_ARUCO_{mode.upper()}' if mode == 'original' else f'DICT_{mode.upper()}'
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    image = np.full((240, 320, 3), 200, np.uint8)
    draw = getattr(cv2.aruco, 'generateImageMarker', None) or cv2.aruco.drawMarker  # the latter is of OpenCV 4.6
    image[60:160, 100:200] = cv2.cvtColor(draw(dictionary, 7, 100), cv2.COLOR_GRAY2BGR)
    (found,) = ArucoDetector(ArucoParameters(mode=mode)).detect(make_view(image, 0.0))
    assert found.class_id == 'marker 7'
    assert found.box == pytest.approx((149.5, 109.5, 100.0, 100.0), abs=1.5)


def test_every_detector_is_in_the_registry() -> None:
    assert DETECTORS.names == ('aruco', 'balloon', 'blazeface', 'haar', 'hog', 'motion', 'onnx', 'remote', 'tflite')
    assert not DETECTORS.failed
    assert set(available()) <= set(DETECTORS.names)
    for method in ('motion', 'balloon', 'haar', 'hog', 'aruco'):
        assert make_detector(build(VisionParameters, {'method': method})).name == method


class Scripted(Detector[None]):
    """A slow detector that returns the position of the patch."""

    def __init__(self) -> None:
        super().__init__(None)
        self.looked = 0

    def detect(self, view: View) -> list[Detection]:
        self.looked += 1
        return [Detection('patch', Box(100.0 + 3.0 * view.stamp, 100.0, 40.0, 40.0), 0.8)]


def test_between_detections_they_are_followed_by_optical_flow() -> None:
    rng = np.random.default_rng(1)
    wall = cv2.GaussianBlur(rng.integers(90, 110, (200, 320, 3), np.uint8), (5, 5), 0)
    patch = cv2.GaussianBlur(rng.integers(0, 255, (40, 40, 3), np.uint8), (3, 3), 0)
    detector = Scripted()
    follower = FlowFollower(detector)
    follower.every = 5
    for i in range(20):
        image = wall.copy()
        image[80:120, 80 + 3 * i:120 + 3 * i] = patch
        (found,) = follower.detect(make_view(image, float(i)))
        assert found.box.x == pytest.approx(100.0 + 3.0 * i, abs=1.0)
        assert found.box.width == pytest.approx(40.0, abs=2.0)
        assert found.confidence == 0.8
    assert detector.looked == 4


def test_an_object_that_vanishes_between_detections_is_not_followed() -> None:
    rng = np.random.default_rng(1)
    image = np.full((200, 320, 3), 100, np.uint8)
    image[80:120, 80:120] = rng.integers(0, 255, (40, 40, 3), np.uint8)
    follower = FlowFollower(Scripted())
    follower.every = 5
    assert len(follower.detect(make_view(image, 0.0))) == 1
    assert follower.detect(make_view(np.full((200, 320, 3), 100, np.uint8), 0.1)) == []


def balloon_image() -> Image:
    image = np.full((240, 320, 3), 128, np.uint8)
    cv2.circle(image, (80, 60), 15, (20, 20, 230), -1)
    cv2.circle(image, (240, 180), 25, (230, 60, 20), -1)
    return image


def count(**changes: object) -> int:
    vision = Vision(build(VisionParameters, {'method': 'balloon', **changes}))
    return len(vision.process(balloon_image(), 0.0, CAMERA, LEVEL).detections)


def test_classes_region_size_and_confidence_filter() -> None:
    assert count() == 2
    assert count(classes=('cat',)) == 0
    assert count(classes=('cat', 'balloon')) == 2
    assert count(region=(0.0, 0.0, 0.5, 0.5)) == 1
    assert count(min_size=40.0) == 1
    assert count(min_confidence=1.0) == 0


@pytest.mark.parametrize('changes', [{}, {'region': (0.5, 0.5, 1.0, 1.0)}, {'balloon.width': 160}], ids=str)
def test_the_mask_lies_on_the_whole_image(changes: dict[str, Any]) -> None:
    vision = Vision(build(VisionParameters, {'method': 'balloon', **changes}))
    assert vision.mask(320, 240) is None
    vision.process(balloon_image(), 0.0, CAMERA, LEVEL)
    mask = vision.mask(320, 240)
    assert mask is not None
    factor = 320 / mask.shape[1]
    assert mask.shape[0] * factor == 240
    _, _, boxes, centers = cv2.connectedComponentsWithStats(mask)
    assert centers[-1] * factor == pytest.approx((240.0, 180.0), abs=2.0)
    assert len(boxes) == (2 if 'region' in changes else 3)  # the ground is one


def test_a_detector_that_judges_no_pixels_has_no_mask() -> None:
    vision = Vision(build(VisionParameters, {'method': 'haar'}))
    vision.process(balloon_image(), 0.0, CAMERA, LEVEL)
    assert vision.detector is not None
    assert not vision.detector.has_mask
    assert vision.mask(320, 240) is None


def test_a_detector_that_cannot_start_leaves_the_previous_one_and_reports_why() -> None:
    parameters = build(VisionParameters, {'method': 'balloon'})
    vision = Vision(parameters)
    vision.process(balloon_image(), 0.0, CAMERA, LEVEL)
    vision.apply(dataclasses.replace(parameters, method='onnx'))
    result = vision.process(balloon_image(), 0.1, CAMERA, LEVEL)
    assert vision.detector is not None
    assert vision.detector.name == 'balloon'
    assert len(result.detections) == 2
    assert vision.problem[0] == ReasonCode.DETECTOR_FAILED
    assert 'onnx.model' in vision.problem[1]
    vision.process(balloon_image(), 0.2, CAMERA, LEVEL)
    assert vision.problem[0] == ReasonCode.DETECTOR_FAILED  # until something else is asked for
    vision.apply(parameters)
    vision.process(balloon_image(), 0.3, CAMERA, LEVEL)
    assert vision.problem[0] == ReasonCode.OK


def test_a_failed_update_of_the_background_model_is_reported_and_vision_continues(
        monkeypatch: pytest.MonkeyPatch) -> None:
    vision = Vision(build(VisionParameters, {'method': 'motion'}))

    def fail(_: MotionDetector) -> None:
        raise cv2.error('no memory')
    with monkeypatch.context() as patched:
        patched.setattr(MotionDetector, 'update', fail)
        vision.process(balloon_image(), 0.0, CAMERA, LEVEL)
        assert vision.problem == (ReasonCode.DETECTOR_FAILED, 'no memory')
    vision.process(balloon_image(), 0.1, CAMERA, LEVEL)
    assert vision.problem[0] == ReasonCode.OK


def test_a_cycle_uses_the_level_pose_for_a_camera_on_the_base() -> None:
    vision = Vision(build(VisionParameters, {'method': 'balloon'}))
    on_base = dataclasses.replace(CAMERA, on_base=True)
    result = vision.cycle(balloon_image(), 0.0, on_base, lambda _: None)
    assert result is not None
    assert result.tracks
    tracks = vision.cycle_on_detections(result.detections, (320, 240), 0.1, on_base, lambda _: None)
    assert tracks
    result = vision.cycle(balloon_image(), 0.2, CAMERA, lambda _: None)
    assert result is not None
    assert result.tracks is None


def test_a_cycle_of_disabled_vision_does_nothing() -> None:
    vision = Vision(build(VisionParameters, {'method': 'balloon', 'enabled': False}))
    assert vision.cycle(balloon_image(), 0.0, CAMERA, lambda _: LEVEL) is None
    assert vision.cycle_on_detections([], (320, 240), 0.1, CAMERA, lambda _: LEVEL) is None
    assert vision.detector is None


def test_a_cycle_hands_out_detections_then_tracks_before_the_background_update(
        monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    vision = Vision(build(VisionParameters, {'method': 'motion'}))
    monkeypatch.setattr(MotionDetector, 'update', lambda _: order.append('update'))
    monkeypatch.setattr(MotionDetector, 'detect', lambda *_: [])
    vision.cycle(
        balloon_image(), 0.0, CAMERA, lambda _: LEVEL,
        lambda *_: order.append('detections'), lambda _: order.append('tracks'))
    assert order == ['detections', 'tracks', 'update']


def test_without_pose_or_camera_there_are_detections_but_no_tracks() -> None:
    vision = Vision(build(VisionParameters, {'method': 'balloon'}))
    result = vision.process(balloon_image(), 0.0, CAMERA, None)
    assert (len(result.detections), result.tracks, vision.problem[0]) == (2, None, ReasonCode.NO_POSE)
    result = vision.process(balloon_image(), 0.1, None, LEVEL)
    assert (result.tracks, vision.problem[0]) == (None, ReasonCode.NO_CALIBRATION)


def test_blazeface_finds_the_face_in_every_frame_where_it_is_installed(footage: Path) -> None:
    missing = DETECTORS['blazeface'].missing()
    if missing:
        pytest.skip(missing)
    detector = make_detector(build(VisionParameters, {'method': 'blazeface'}))
    marked = load_marked_boxes()[FACE_CLIP].frames
    for i, image in enumerate(frames(str(footage / FACE_CLIP))):
        (found,) = detector.detect(make_view(image, 0.0))
        assert all(found.box.iou(box) > 0.5 for box in marked[i].values())
    for image in blank_images(640, 480).values():
        assert detector.detect(make_view(image, 0.0)) == []
