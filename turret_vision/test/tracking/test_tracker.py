# SPDX-License-Identifier: Apache-2.0
"""Targets keep their identities, states are honest, and the head's motion moves nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.geometry import Bearing, PinholeCamera, angle_between, bearing_to_pixel, wrap_angle
from turret_common.params import replace
from turret_common.pose_history import Pose
from turret_common.track_state import TrackState
from turret_vision.detectors.detection import Box, Detection
from turret_vision.tracking.tracker import Track, Tracker
from turret_vision.vision_parameters import TrackerParameters

CAMERA = PinholeCamera.from_field_of_view(640, 480, math.radians(60.0))
LEVEL = Pose(0.0, 0.0)
NOISE_PX = 1.0

Truth = Callable[[float], Bearing]


class Scene:
    """Targets seen by a camera on a head, drawn as detections with noise."""

    def __init__(self, *targets: Truth, head: Callable[[float], Pose] = lambda t: LEVEL, seed: int = 1,
                 size: float = 40.0) -> None:
        self.targets = list(targets)
        self.head = head
        self.size = size
        self.rng = np.random.default_rng(seed)
        self.tracker = Tracker(TrackerParameters())

    def detect(self, target: Truth, t: float, class_id: str = 'balloon') -> Detection | None:
        pose = self.head(t)
        pixel = bearing_to_pixel(CAMERA, target(t), pose.pan, pose.tilt)
        if pixel is None or not (0.0 <= pixel[0] < CAMERA.width and 0.0 <= pixel[1] < CAMERA.height):
            return None
        x, y = pixel + self.rng.normal(0.0, NOISE_PX, 2)
        return Detection(class_id, Box(float(x), float(y), self.size, self.size), 0.9)

    def step(self, t: float, hidden: Sequence[int] = (), extra: Sequence[Detection] = ()) -> list[Track]:
        seen = [self.detect(target, t) for i, target in enumerate(self.targets) if i not in hidden]
        detections = [d for d in seen if d is not None] + list(extra)
        order = self.rng.permutation(len(detections))
        tracks = self.tracker.step([detections[i] for i in order], CAMERA, self.head(t), t)
        assert tracks is not None
        return tracks

    def run(self, begin: float, end: float, rate_hz: float = 30.0, hidden: Sequence[int] = ()) -> list[list[Track]]:
        count = round((end - begin) * rate_hz)
        return [self.step(begin + i / rate_hz, hidden) for i in range(count)]


def confirmed(tracks: Sequence[Track]) -> list[Track]:
    return [t for t in tracks if t.state.confirmed]


def nearest(tracks: Sequence[Track], bearing: Bearing) -> Track:
    return min(confirmed(tracks), key=lambda track: angle_between(track.bearing, bearing))


def still(azimuth: float = 0.1, elevation: float = 0.05) -> Truth:
    return lambda t: Bearing(azimuth, elevation)


def ramp(azimuth: float, rate: float, elevation: float = 0.0) -> Truth:
    return lambda t: Bearing(wrap_angle(azimuth + rate * t), elevation)


def test_a_target_is_confirmed_after_three_detections() -> None:
    states = [tracks[0].state for tracks in Scene(still()).run(0.0, 0.2)]
    assert states[:4] == [TrackState.DETECTING, TrackState.DETECTING, TrackState.TRACKING, TrackState.TRACKING]


@pytest.mark.parametrize('rate_hz', [10.0, 30.0, 60.0])
@pytest.mark.parametrize('rate', [10.0, 30.0, 60.0])
def test_a_ramp_is_followed_with_one_id_at_any_frame_rate(rate: float, rate_hz: float) -> None:
    rate = math.radians(rate)
    target = ramp(-0.4, rate)
    scene = Scene(target, head=lambda t: Pose(target(t).azimuth + 0.1 * math.sin(3.0 * t), 0.0))
    history = scene.run(0.0, 3.0, rate_hz)
    assert {track.id for tracks in history for track in confirmed(tracks)} == {'1'}
    errors = [angle_between(tracks[0].bearing, target(i / rate_hz)) for i, tracks in enumerate(history)]
    noise = NOISE_PX / CAMERA.fx
    assert np.percentile(errors[len(errors) // 3:], 95) < 2.0 * noise  # of the detections it is 2.4
    assert history[-1][0].azimuth_rate == pytest.approx(rate, abs=math.radians(2.0))


def test_motion_of_the_head_does_not_move_tracks() -> None:
    scene = Scene(still(0.2, 0.1), head=lambda t: Pose(0.3 * math.sin(4.0 * t), 0.2 * math.sin(5.0 * t)))
    for tracks in scene.run(0.0, 3.0)[45:]:
        assert [track.id for track in tracks] == ['1']
        assert angle_between(tracks[0].bearing, Bearing(0.2, 0.1)) < math.radians(0.15)
        assert math.hypot(tracks[0].azimuth_rate, tracks[0].elevation_rate) < math.radians(1.0)


@pytest.mark.parametrize('seed', range(10))
def test_crossing_targets_keep_their_ids(seed: int) -> None:
    left, right = ramp(-0.3, 0.3, 0.01), ramp(0.3, -0.3, -0.01)
    scene = Scene(left, right, seed=seed)
    before = scene.run(0.0, 0.7)[-1]
    ids = [nearest(before, target(0.7)).id for target in (left, right)]
    assert ids[0] != ids[1]
    after = scene.run(0.7, 1.8)[-1]
    assert [nearest(after, target(1.8)).id for target in (left, right)] == ids


@pytest.mark.parametrize('seed', range(5))
def test_crossing_targets_that_merge_into_one_detection_keep_their_ids(seed: int) -> None:
    left, right = ramp(-0.3, 0.3), ramp(0.3, -0.3)
    scene = Scene(left, right, seed=seed)
    before = scene.run(0.0, 0.8)[-1]
    ids = [nearest(before, target(0.8)).id for target in (left, right)]
    for i in range(24):  # they overlap: the detector sees one blob, somewhat wider
        t = 0.8 + i / 60.0
        both = 0.5 * (left(t).azimuth + right(t).azimuth)
        pixel = bearing_to_pixel(CAMERA, Bearing(both, 0.0), 0.0, 0.0)
        assert pixel is not None
        width = 40.0 + CAMERA.fx * abs(left(t).azimuth - right(t).azimuth)
        scene.step(t, hidden=(0, 1), extra=[Detection('balloon', Box(*pixel, width, 40.0), 0.5)])
    after = scene.run(1.2, 2.0)[-1]
    assert [nearest(after, target(1.97)).id for target in (left, right)] == ids


def test_an_occlusion_of_half_a_second_keeps_the_id_and_is_predicted_through() -> None:
    target = ramp(-0.4, 0.5)
    scene = Scene(target)
    scene.run(0.0, 1.0)
    hidden = scene.run(1.0, 1.5, hidden=[0])
    assert [tracks[0].state for tracks in hidden] == [TrackState.COASTING] * 15
    assert [tracks[0].misses for tracks in hidden] == list(range(1, 16))
    assert hidden[-1][0].unseen_s == pytest.approx(0.5)
    assert angle_between(hidden[-1][0].bearing, target(1.5 - 1.0 / 30.0)) < math.radians(1.0)
    box = hidden[-1][0].box
    assert box is not None
    assert box.x == pytest.approx(bearing_to_pixel(CAMERA, hidden[-1][0].bearing, 0.0, 0.0)[0])  # type: ignore[index]
    again = scene.step(1.5)
    assert (again[0].id, again[0].state, again[0].misses) == ('1', TrackState.TRACKING, 0)


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('rate_hz', [15.0, 30.0, 60.0])
@pytest.mark.parametrize('rate', [20.0, 40.0, 60.0])
def test_a_resting_target_that_bolts_keeps_its_id_and_is_never_lost(rate: float, rate_hz: float, seed: int) -> None:
    def bolt(t: float) -> Bearing:
        return Bearing(-0.4 + math.radians(rate) * max(0.0, t - 2.0), 0.05)
    history = Scene(bolt, seed=seed).run(0.0, 2.6, rate_hz)
    after = history[round(2.0 * rate_hz):]
    assert all([track.id for track in confirmed(tracks)] == ['1'] for tracks in after)
    assert all(tracks[0].state is TrackState.TRACKING for tracks in after)
    assert after[-1][0].azimuth_rate == pytest.approx(math.radians(rate), rel=0.1)


def test_a_swing_of_two_hertz_keeps_its_id() -> None:
    history = Scene(lambda t: Bearing(math.radians(10.0) * math.sin(4.0 * math.pi * t), 0.0)).run(0.0, 4.0)
    assert all(tracks[0].state is TrackState.TRACKING for tracks in history[5:])
    assert {track.id for tracks in history for track in tracks} == {'1'}


@pytest.mark.parametrize('every', [3, 5])
@pytest.mark.parametrize('rate', [0.0, 10.0])
def test_a_target_detected_in_every_nth_image_becomes_a_track(every: int, rate: float) -> None:
    target = ramp(-0.2, math.radians(rate))
    scene = Scene(target)
    history = [scene.step(i / 30.0, [] if i % every == 0 else [0]) for i in range(60)]
    assert [track.id for track in confirmed(history[30])] == ['1']
    assert {track.id for tracks in history[30:] for track in tracks} == {'1'}
    assert angle_between(history[-1][0].bearing, target(59 / 30.0)) < math.radians(0.5)


def test_random_false_detections_become_no_tracks_and_take_no_target_away() -> None:
    target = ramp(-0.3, math.radians(10.0))
    scene = Scene(target)
    ids = set()
    for i in range(90):
        x, y, size = map(float, scene.rng.uniform((0.0, 0.0, 20.0), (639.0, 479.0, 80.0)))
        tracks = confirmed(scene.step(i / 30.0, extra=[Detection('balloon', Box(x, y, size, size), 0.9)]))
        ids |= {track.id for track in tracks}
        if i > 5:
            assert angle_between(tracks[0].bearing, target(i / 30.0)) < math.radians(0.7)
    assert len(ids) <= 2  # one false detection in each image: hardly any becomes a track


def test_a_detection_of_low_confidence_continues_a_track_but_starts_none() -> None:
    scene = Scene(still())
    scene.tracker.parameters = replace(scene.tracker.parameters, {'start_confidence': 0.95})
    assert scene.run(0.0, 0.3) == [[]] * 9
    scene.tracker.parameters = replace(scene.tracker.parameters, {'start_confidence': 0.5})
    scene.run(0.3, 0.6)
    scene.tracker.parameters = replace(scene.tracker.parameters, {'start_confidence': 0.95})
    assert [track.state for track in scene.run(0.6, 0.8)[-1]] == [TrackState.TRACKING]


def test_the_end_of_coasting_is_reported_once() -> None:
    scene = Scene(still())
    scene.run(0.0, 1.0)
    history = scene.run(1.0, 4.0, hidden=[0])
    states = [tracks[0].state if tracks else None for tracks in history]
    assert states.count(TrackState.LOST) == 1
    lost = states.index(TrackState.LOST)
    assert lost / 30.0 == pytest.approx(TrackerParameters().coast_s, abs=0.1)
    assert states[lost + 1:] == [None] * (len(states) - lost - 1)
    assert history[lost][0].box is None
    assert {track.id for tracks in scene.run(4.0, 5.0) for track in confirmed(tracks)} == {'2'}


def test_false_alarms_are_never_confirmed() -> None:
    scene = Scene(still(), seed=3)
    for i in range(300):
        x, y = scene.rng.uniform(0.0, 640.0), scene.rng.uniform(0.0, 480.0)
        tracks = scene.step(i / 30.0, extra=[Detection('balloon', Box(float(x), float(y), 40.0, 40.0))])
        assert {track.id for track in confirmed(tracks)} <= {'1', '2'}  # the first image names two
    assert angle_between(nearest(tracks, still()(0.0)).bearing, still()(0.0)) < math.radians(0.15)


@pytest.mark.parametrize('seed', range(5))
def test_lost_and_uneven_images_change_no_id(seed: int) -> None:
    target = ramp(-0.3, 0.25)
    scene = Scene(target, seed=seed)
    t, ids = 0.0, set()
    while t < 2.4:
        hidden = [0] if scene.rng.random() < 0.3 else []
        ids |= {track.id for track in confirmed(scene.step(t, hidden))}
        t += float(scene.rng.uniform(0.01, 0.12))
    assert len(ids) <= 2  # one false detection in each image: hardly any becomes a track


def test_azimuth_wraps_round_behind() -> None:
    target = ramp(3.0, 0.3)
    scene = Scene(target, head=lambda t: Pose(target(t).azimuth, 0.0))
    history = scene.run(0.0, 1.5)
    assert {track.id for tracks in history for track in confirmed(tracks)} == {'1'}
    assert history[-1][0].bearing.azimuth == pytest.approx(target(1.4667).azimuth, abs=0.01)
    assert history[-1][0].azimuth_rate == pytest.approx(0.3, abs=0.05)


def test_an_implausible_jump_is_rejected() -> None:
    scene = Scene(still(0.0, 0.0))
    scene.run(0.0, 1.0)
    far = Detection('balloon', Box(319.5 + 160.0, 239.5, 40.0, 40.0))
    tracks = scene.step(1.0, hidden=[0], extra=[far])
    assert tracks[0].state == TrackState.COASTING
    assert abs(tracks[0].bearing.azimuth) < math.radians(0.2)
    assert [track.state for track in tracks] == [TrackState.COASTING, TrackState.DETECTING]


def test_too_fast_is_refused() -> None:
    fast = ramp(-0.5, 1.0)
    scene = Scene(fast)
    scene.tracker.parameters = replace(TrackerParameters(), {'max_rate': 0.5})
    ids = {track.id for tracks in scene.run(0.0, 1.0) for track in confirmed(tracks)}
    assert ids == set()


def test_a_piece_of_a_target_is_not_a_second_target() -> None:
    scene = Scene(still(0.0, 0.0), size=100.0)
    scene.run(0.0, 0.5)
    piece = Detection('balloon', Box(340.0, 250.0, 30.0, 30.0))
    for i in range(10):
        tracks = scene.step(0.5 + i / 30.0, extra=[piece])
    assert [track.id for track in tracks] == ['1']


def test_the_class_is_that_of_most_detections() -> None:
    scene = Scene()
    for i, class_id in enumerate(['cat', 'cat', 'dog', 'cat', 'dog', 'cat']):
        scene.targets = []
        detection = scene.detect(still(), i / 30.0, class_id)
        assert detection is not None
        tracks = scene.step(i / 30.0, extra=[detection])
    assert [(track.id, track.class_id, track.hits) for track in tracks] == [('1', 'cat', 6)]


def test_the_number_of_tracks_is_bounded() -> None:
    scene = Scene()
    scene.tracker.parameters = replace(TrackerParameters(), {'max_tracks': 3})
    boxes = [Detection('balloon', Box(50.0 * i + 20.0, 200.0, 20.0, 20.0)) for i in range(10)]
    assert len(scene.step(0.0, extra=boxes)) == 3


def test_an_older_image_changes_nothing_and_a_restarted_recording_resets() -> None:
    scene = Scene(still())
    scene.run(10.0, 11.0)
    assert scene.tracker.step([], CAMERA, LEVEL, 10.5) is None
    assert scene.step(11.0)[0].misses == 0
    states = [(track.id, track.state) for track in scene.step(0.0)]
    assert [state for _, state in states] == [TrackState.LOST, TrackState.DETECTING]
    assert states[0][0] == '1' != states[1][0]


def test_sizes_and_bearings_are_correct_off_center() -> None:
    camera = PinholeCamera.from_field_of_view(640, 480, math.radians(90.0))
    for azimuth, elevation in ((0.6, 0.0), (0.0, 0.5), (0.5, 0.4)):
        corners = [bearing_to_pixel(camera, Bearing(azimuth + dx, elevation), 0.0, 0.0) for dx in (0.02, -0.02)]
        middle = bearing_to_pixel(camera, Bearing(azimuth, elevation), 0.0, 0.0)
        assert corners[0] is not None
        assert corners[1] is not None
        assert middle is not None
        tracker = Tracker(TrackerParameters())
        box = Box(*middle, corners[1][0] - corners[0][0], 10.0)
        tracks = tracker.step([Detection('x', box)], camera, LEVEL, 0.0)
        assert tracks is not None
        assert tracks[0].bearing == (pytest.approx(azimuth), pytest.approx(elevation))
        assert tracks[0].width == pytest.approx(0.04 * math.cos(elevation), rel=0.08)


boxes = st.builds(Box, st.floats(0, 639), st.floats(0, 479), st.floats(1, 300), st.floats(1, 300))
frames = st.lists(st.tuples(
    st.floats(-0.5, 2.0), st.lists(st.builds(Detection, st.sampled_from('ab'), boxes), max_size=4),
    st.floats(-3.0, 3.0), st.floats(-1.0, 1.0)), min_size=1, max_size=25)


@settings(deadline=None, max_examples=60)
@given(frames)
def test_tracks_are_always_finite_bounded_and_unique(
        frames: list[tuple[float, list[Detection], float, float]]) -> None:
    tracker = Tracker(replace(TrackerParameters(), {'max_tracks': 6}))
    lost: set[str] = set()
    stamp = 0.0
    for dt, detections, pan, tilt in frames:
        stamp += dt
        tracks = tracker.step(detections, CAMERA, Pose(pan, tilt), stamp)
        if tracks is None:
            continue
        ids = [track.id for track in tracks]
        assert len(set(ids)) == len(ids)
        assert not lost & set(ids)
        lost |= {track.id for track in tracks if track.state == TrackState.LOST}
        assert sum(track.state != TrackState.LOST for track in tracks) <= 6
        for track in tracks:
            assert np.isfinite([*track.bearing, track.azimuth_rate, track.elevation_rate, track.width]).all()
            assert np.linalg.eigvalsh(track.covariance).min() > 0.0
            assert track.unseen_s <= 1.5 or track.state == TrackState.LOST
