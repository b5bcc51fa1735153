# SPDX-License-Identifier: Apache-2.0
"""Re-run of a bag: the perception and control cycles on recorded inputs, in this process, without graph and clock.

Messages take effect in the order of the bag, so the same bag gives bit-identical results. The cycles are those of the
nodes. Images are used where the bag has them, raw ones first; otherwise the tracker uses the recorded detections, and
without these, control uses the recorded tracks.

Control cycles run at the stamps of the recorded commands, in the modes of ``controller/state``. In manual and pattern
mode nothing is compared, because the bag does not contain the requests of the operator.
"""

from __future__ import annotations

import bisect
import dataclasses
import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import cv2
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, JointState

from turret_bringup.bags.messages import messages, namespace_of
from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.reader import Bag
from turret_bringup.rerun.history import AimRow, BoxRow, CommandRow, History, TrackRow, same_ids
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera
from turret_common.permit import PermitMonitor
from turret_common.pose_history import Pose, PoseHistory
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import info_to_camera, message_to_bgr
from turret_common.ros.joint_feed import pose_of
from turret_common.ros.permit_feed import observe_permit
from turret_common.ros.time import nanoseconds, seconds
from turret_control.aiming.selection import Candidate
from turret_control.boresight.boresight import Boresight
from turret_control.controller.controller import Controller
from turret_control.controller.cycle import Inputs, run_cycle
from turret_control.controller.head_command import GimbalReadiness
from turret_control.controller.ros_messages import (
    aim_message,
    readiness_from,
    tracks_from,
    write_command,
)
from turret_control.controller.task import Mode
from turret_control.controller_parameters import ControllerParameters
from turret_msgs import msg as msgs
from turret_vision.detectors.detection import Box, Detection, Image
from turret_vision.ros_vision import tracks_message
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

#: Maximum delay between the effect of a message and its recording.
_REORDER_NS = 1_000_000_000
#: A stamp that differs more than this from the time of recording is of another clock.
_SAME_CLOCK_NS = 10_000_000_000
#: Maximum transport time of a measurement or permit.
_TRANSPORT_NS = 5_000_000
#: Time between the arrival of tracks and the control cycle that used them.
_BEFORE_NS = 1_000_000
_TRUTH_NS = 10_000_000      # maximum time between a ground truth sample and an image
_AIM_NS = 5_000_000         # tolerance for the rounding of AimTarget.lead_s
_RAW, _JPEG = 'camera/image_raw', 'camera/image_raw/compressed'
#: Input topics of a re-run, relative to the namespace; only one of the two image topics is needed.
INPUTS = (
    _RAW, _JPEG, 'camera/camera_info', 'joint_states', 'vision/detections', 'vision/tracks', 'gimbal/state',
    'gimbal/command', 'controller/state', 'controller/target', 'safety/permit', 'sim/ground_truth')
_UNSTAMPED = Time()


@dataclasses.dataclass(frozen=True)
class Settings:
    """Parameters of the re-run; ``every_image`` also processes recorded images that vision had dropped."""

    vision: VisionParameters
    controller: ControllerParameters
    every_image: bool = False


@dataclasses.dataclass
class Rerun:
    """Recorded history, history of the re-run, and in simulation the ground truth bearings at stamps of images."""

    recorded: History
    again: History
    truth: dict[int, list[Bearing]]


def rerun(bag: Bag, settings: Settings) -> Rerun:
    """Run perception and control on a bag.

    Raises:
        BagError: the bag is damaged, or not of a turret.
    """
    cv2.setNumThreads(1)  # as in the vision node
    facts = _Facts(bag)
    return _Player(bag, settings, facts).run()


class _Facts:
    """Facts about a recording that are needed before the first cycle. All stamps in ns.

    Attributes:
        prefix: namespace of the turret.
        processed: stamps of the images that vision processed.
        used_at: stamp of the first control cycle that used an image, by the stamp of the image.
        clock_ns: offset from the monotonic to the wall clock of the recording; None without permits.
        states: stamps and states of the controller at which the requests of the operator changed.
        truth: stamps of ground truth samples, with bearings and rates of the visible targets.
    """

    def __init__(self, bag: Bag) -> None:
        self.prefix = namespace_of(bag)
        self.processed: set[int] = set()
        self.used_at: dict[int, int] = {}
        self.clock_ns: int | None = None
        self.states: list[tuple[int, Any]] = []
        self.truth: list[tuple[int, list[tuple[float, float, float, float]]]] = []
        images: list[int] = []
        aims: list[tuple[int, int]] = []

        def on_aim(message: msgs.AimTarget, _: int) -> None:
            if message.track_id:
                aims.append((_ns(message), _ns(message) - round(1e9 * message.lead_s)))

        handlers: dict[str, Callable[[Any, int], None]] = {
            'vision/detections': lambda message, _: self.processed.add(_ns(message)),
            'vision/tracks': lambda message, _: images.append(_ns(message)), 'controller/target': on_aim,
            'safety/permit': self._add_permit, 'controller/state': self._add_state,
            'sim/ground_truth': self._add_ground_truth}
        for name, at_ns, message in messages(bag, handlers, self.prefix):
            handlers[name](message, at_ns)
        images.sort()
        self.truth.sort(key=lambda sample: sample[0])
        for at, image in aims:
            i = bisect.bisect_left(images, image - _AIM_NS)
            if i < len(images) and images[i] <= image + _AIM_NS:
                self.used_at.setdefault(images[i], at)

    def _add_permit(self, message: msgs.SafetyPermit, at_ns: int) -> None:
        offset = at_ns - message.monotonic_ns
        self.clock_ns = offset if self.clock_ns is None else min(self.clock_ns, offset)

    def _add_state(self, message: msgs.ControllerState, _: int) -> None:
        if not self.states or _requests(self.states[-1][1]) != _requests(message):
            self.states.append((_ns(message), message))

    def _add_ground_truth(self, message: msgs.SimGroundTruth, _: int) -> None:
        self.truth.append((_ns(message), [
            (t.azimuth, t.elevation, t.azimuth_rate, t.elevation_rate) for t in message.targets if t.visible]))

    def effect_ns(self, name: str, at_ns: int, message: Any) -> int:
        """Return the time when a message took effect, which corrects late recording.

        A command took effect when it was computed, tracks when the controller used them, images at their stamp, and
        measurements within the transport time after their stamp.
        """
        if name == 'safety/permit':
            return min(at_ns, int(message.monotonic_ns) + (self.clock_ns or 0) + _TRANSPORT_NS)
        stamp = _ns(message)
        if abs(at_ns - stamp) > _SAME_CLOCK_NS:
            return at_ns
        if name == 'vision/tracks':
            used_at = self.used_at.get(stamp)
            return at_ns if used_at is None else used_at - _BEFORE_NS
        if name in ('joint_states', 'gimbal/state'):
            return min(at_ns, stamp + _TRANSPORT_NS)
        return stamp

    def truth_at(self, stamps: Iterable[int]) -> dict[int, list[Bearing]]:
        """Return the ground truth bearings at stamps for which they are known."""
        known, times = {}, [at for at, _ in self.truth]
        for stamp in stamps if self.truth else ():
            i = bisect.bisect_left(times, stamp)
            at, targets = min(self.truth[max(0, i - 1):i + 1], key=lambda sample: abs(sample[0] - stamp))
            if abs(at - stamp) <= _TRUTH_NS:
                dt = 1e-9 * (stamp - at)
                known[stamp] = [Bearing(a + dt * a_rate, e + dt * e_rate) for a, e, a_rate, e_rate in targets]
        return known


def _requests(state: msgs.ControllerState) -> tuple[Any, ...]:
    """Return the fields of a controller state that requests of the operator change."""
    crosshair = state.crosshair
    return (state.mode, state.selected_id, crosshair.boresight_azimuth, crosshair.boresight_elevation,
            crosshair.offset_y, crosshair.offset_z)


class _Player:
    """Feeds the messages of a bag to perception and control, and stores the results."""

    def __init__(self, bag: Bag, settings: Settings, facts: _Facts) -> None:
        self._bag, self._facts = bag, facts
        self._recorded, self._again = History(), History()
        counts = {name: bag.counts.get(f'{facts.prefix}/{name}', 0) for name in (_RAW, _JPEG, 'vision/detections')}
        self._image_topic = next((name for name in (_RAW, _JPEG) if counts[name]), None)
        self._selected_images = facts.processed if facts.processed and not settings.every_image else None
        self._perception = _Perception(settings.vision) if self._image_topic or counts['vision/detections'] else None
        self._control = _Control(settings.controller, facts, bag.start_ns)
        self._newest_tracks = 0

    def run(self) -> Rerun:
        handlers: dict[str, Callable[[Any, int], None]] = {
            'camera/camera_info': self._take_camera, 'joint_states': self._take_joints,
            'vision/detections': self._take_detections, 'vision/tracks': self._take_tracks,
            'controller/target': self._take_aim, 'gimbal/command': self._take_command,
            'safety/permit': lambda message, _: self._control.permit(message),
            'gimbal/state': lambda message, _: self._control.gimbal(message),
            'controller/state': _ignore, 'sim/ground_truth': _ignore}
        if self._image_topic is not None:
            handlers[self._image_topic] = self._take_image
        for name, at_ns, message in _in_order(messages(self._bag, handlers, self._facts.prefix), self._facts):
            handlers[name](message, at_ns)
        if self._perception is not None:
            self._keep(self._perception.finish())
        truth = self._facts.truth_at(self._recorded.tracks.keys() | self._again.tracks.keys())
        return Rerun(self._recorded, self._again, truth)

    def _take_camera(self, message: CameraInfo, _: int) -> None:
        self._control.camera = info_to_camera(message)
        if self._perception is not None:
            self._perception.camera = self._control.camera

    def _take_joints(self, message: JointState, at_ns: int) -> None:
        self._control.joints(message)
        if self._perception is not None:
            self._keep(self._perception.joints(message, at_ns))

    def _take_image(self, message: Any, at_ns: int) -> None:
        if self._perception is not None and (
                self._selected_images is None or _ns(message) in self._selected_images):
            self._keep(self._perception.image(message, at_ns))

    def _take_detections(self, message: msgs.DetectionArray, at_ns: int) -> None:
        self._recorded.detections[_ns(message)] = tuple(
            BoxRow(d.class_id, d.box.center_x, d.box.center_y, d.box.width, d.box.height) for d in message.detections)
        if self._perception is not None and self._image_topic is None:
            self._keep(self._perception.image(message, at_ns))

    def _take_tracks(self, message: msgs.TrackArray, _: int) -> None:
        stamp = _ns(message)
        self._recorded.tracks[stamp] = _track_rows(message)
        self._newest_tracks = stamp
        if self._perception is not None:
            self._keep(self._perception.finish(stamp))
            repeated = self._perception.tracks.pop(stamp, None)
        else:
            repeated, self._again.tracks[stamp] = message, self._recorded.tracks[stamp]
        if repeated is not None:
            self._control.tracks(repeated)

    def _take_aim(self, message: msgs.AimTarget, _: int) -> None:
        image = _ns(message) - round(1e9 * message.lead_s) if message.track_id else self._newest_tracks
        near = [s for s in (self._newest_tracks, image) if abs(s - image) <= _AIM_NS]
        if near:
            self._recorded.aims[near[0]] = AimRow(
                message.track_id, message.azimuth, message.elevation, message.aim_error)

    def _take_command(self, message: msgs.GimbalCommand, _: int) -> None:
        stamp = _ns(message)
        ids = same_ids(self._recorded, self._again) if self._control.needs_ids(stamp) else {}
        cycle = self._control.cycle(stamp, ids)
        if cycle is None:
            return
        command, image, aim = cycle
        self._recorded.commands[stamp] = _command_row(message)
        self._again.commands[stamp] = command
        if image is not None:
            self._again.aims[image] = aim

    def _keep(self, results: Iterable[_ImageResult]) -> None:
        for one in results:
            if one.boxes is not None:
                self._again.detections[one.stamp] = one.boxes
            if one.tracks is not None:
                self._again.tracks[one.stamp] = _track_rows(one.tracks)


@dataclasses.dataclass
class _ImageResult:
    """Result of one image: boxes (None = no detection ran), tracks as a message (None = not tracked)."""

    stamp: int
    boxes: tuple[BoxRow, ...] | None
    tracks: Any


class _Perception:
    """Perception cycles; an image waits for the pose at its stamp for as long as in the vision node.

    Attributes:
        camera: newest calibration; None = unknown.
        tracks: messages by stamp of the image, until control uses them.
    """

    def __init__(self, parameters: VisionParameters) -> None:
        self.camera: PinholeCamera | None = None
        self.tracks: dict[int, Any] = {}
        self._vision = Vision(parameters, clock=lambda: 0.0)
        self._wait_ns = round(1e9 * parameters.pose_wait_s)
        self._poses = PoseHistory()
        self._pose_at = -math.inf
        self._waiting: deque[tuple[int, Any]] = deque()

    def joints(self, message: Any, at_ns: int) -> list[_ImageResult]:
        """Add a pose; return the results of the images that waited for it."""
        pose = pose_of(message)
        if pose is not None:
            self._pose_at = seconds(message.header.stamp)
            self._poses.add(self._pose_at, pose)
        return self._process_ready(at_ns)

    def image(self, message: Any, at_ns: int) -> list[_ImageResult]:
        """Add an image or the detections of one."""
        self._waiting.append((at_ns + self._wait_ns, message))
        return self._process_ready(at_ns)

    def finish(self, stamp: int | None = None) -> list[_ImageResult]:
        """Stop waiting for poses; return the results of the images up to a stamp, or of all."""
        results = []
        while self._waiting and (stamp is None or _ns(self._waiting[0][1]) <= stamp):
            results.append(self._process(self._waiting.popleft()[1]))
        return results

    def _process_ready(self, at_ns: int) -> list[_ImageResult]:
        results = []
        while self._waiting and (
                self._waiting[0][0] <= at_ns or seconds(self._waiting[0][1].header.stamp) <= self._pose_at):
            results.append(self._process(self._waiting.popleft()[1]))
        return results

    def _process(self, message: Any) -> _ImageResult:
        at = seconds(message.header.stamp)
        boxes, tracks = None, None
        if isinstance(message, msgs.DetectionArray):
            found = [Detection(d.class_id, _box(d.box), d.confidence) for d in message.detections]
            tracks = self._vision.cycle_on_detections(
                found, (message.width, message.height), at, self.camera, self._poses.at)
        elif (result := self._vision.cycle(_pixels(message), at, self.camera, self._poses.at)) is not None:
            boxes = tuple(BoxRow(d.class_id, *map(float, d.box)) for d in result.detections)
            tracks = result.tracks
        return _ImageResult(_ns(message), boxes, self._publish(message, tracks))

    def _publish(self, message: Any, tracks: Sequence[Track] | None) -> Any:
        if tracks is None:
            return None
        sent = tracks_message(message.header.stamp, '', tracks)
        arrived = deserialize_message(serialize_message(sent), msgs.TrackArray)  # rounds numbers as the wire does
        self.tracks[_ns(message)] = arrived
        return arrived


def _ns(message: Any) -> int:
    """Return the stamp of a message in ns."""
    return nanoseconds(message.header.stamp)


def _ignore(*_: object) -> None:
    """Ignore a message whose content is among the facts."""


def _box(box: Any) -> Box:
    return Box(box.center_x, box.center_y, box.width, box.height)


def _pixels(message: Any) -> Image:
    try:
        return message_to_bgr(message)
    except TurretError as error:
        raise BagError(
            ReasonCode.DAMAGED, f'the image of {seconds(message.header.stamp):.3f} s: {error.message}') from error


class _Control:
    """Control cycles. The clock is the wall clock of the recording, from the start of the bag.

    Attributes:
        camera: newest calibration; None = unknown.
    """

    def __init__(self, parameters: ControllerParameters, facts: _Facts, origin_ns: int) -> None:
        self.camera: PinholeCamera | None = None
        self._controller = Controller(dataclasses.replace(parameters, start_mode='idle'))
        self._permit = PermitMonitor()
        self._facts = facts
        self._origin_ns = origin_ns
        self._states = deque(facts.states)
        self._state: msgs.ControllerState | None = None
        self._gimbal: GimbalReadiness | None = None
        self._poses: list[tuple[float, Pose]] = []
        self._tracks: list[tuple[float, Sequence[Candidate]]] = []
        self._image: int | None = None  # stamp of the newest image since the last cycle

    def permit(self, message: msgs.SafetyPermit) -> None:
        """Add a permit."""
        observe_permit(self._permit, message)

    def gimbal(self, message: msgs.GimbalState) -> None:
        """Add a state of the gimbal."""
        self._gimbal = readiness_from(message)

    def joints(self, message: JointState) -> None:
        """Add a pose."""
        pose = pose_of(message)
        if pose is not None:
            self._poses.append((seconds(message.header.stamp) + self._time(0), pose))

    def tracks(self, message: msgs.TrackArray) -> None:
        """Add the tracks of an image."""
        self._tracks.append(tracks_from(message, self._time(0)))
        self._image = _ns(message)

    def needs_ids(self, stamp: int) -> bool:
        """Return whether the operator selects a track at the cycle of a stamp."""
        return bool(self._states and self._states[0][0] <= stamp and self._states[0][1].selected_id)

    def cycle(self, stamp: int, ids: Mapping[str, str]) -> tuple[CommandRow, int | None, AimRow] | None:
        """Run the control cycle of a stamp; return its command, the stamp of a new image, and the aim.

        Returns None while the mode of the recorded controller is unknown, manual or pattern.

        Args:
            stamp: stamp of the recorded command.
            ids: ids of the re-run by ids of recorded tracks.
        """
        self._follow_operator(stamp, ids)
        if self._state is None:
            return None
        clock_ns = self._facts.clock_ns
        code = ReasonCode.OK if clock_ns is None else self._permit.motion_code(stamp - clock_ns)
        outputs = run_cycle(self._controller, Inputs(
            self._time(stamp), code, self._permit.take_stop(), self.camera, self._gimbal, self._poses, self._tracks))
        image, self._image = self._image, None
        self._poses, self._tracks = [], []
        if self._state.mode in (Mode.MANUAL, Mode.PATTERN):
            return None
        command = write_command(msgs.GimbalCommand(), outputs.command, 0, _UNSTAMPED)
        aim = aim_message(outputs.aim, self._time(0), _UNSTAMPED, '')
        return _command_row(command), image, AimRow(aim.track_id, aim.azimuth, aim.elevation, aim.aim_error)

    def _follow_operator(self, stamp: int, ids: Mapping[str, str]) -> None:
        """Apply what the recorded states until a stamp show of the requests of the operator."""
        while self._states and self._states[0][0] <= stamp:
            self._state = self._states.popleft()[1]
            mode, crosshair = Mode(self._state.mode), self._state.crosshair
            self._controller.target.boresight = Boresight(
                crosshair.boresight_azimuth, crosshair.boresight_elevation, crosshair.offset_y, crosshair.offset_z,
                calibrated=crosshair.calibrated)
            mode = Mode.MANUAL if mode is Mode.PATTERN else mode
            if self._controller.mode is not mode:
                self._controller.set_mode(mode)
            selected = ids.get(self._state.selected_id, '')
            if self._controller.target.selected_id != selected:
                try:
                    self._controller.target.select(selected)
                except TurretError:
                    self._controller.target.select('')

    def _time(self, stamp_ns: int) -> float:
        return 1e-9 * (stamp_ns - self._origin_ns)


def _in_order(recorded: Iterator[tuple[str, int, Any]], facts: _Facts) -> Iterator[tuple[str, int, Any]]:
    """Yield messages in the order of their effect: name, time of effect in ns, message."""
    waiting: list[tuple[int, int, str, Any]] = []
    newest = -1
    for number, (name, at_ns, message) in enumerate(recorded):
        newest = max(newest, at_ns)
        heapq.heappush(waiting, (facts.effect_ns(name, at_ns, message), number, name, message))
        while waiting and waiting[0][0] <= newest - _REORDER_NS:
            at, _, of, first = heapq.heappop(waiting)
            yield of, at, first
    while waiting:
        at, _, of, first = heapq.heappop(waiting)
        yield of, at, first


def _track_rows(message: Any) -> tuple[TrackRow, ...]:
    return tuple(
        TrackRow(t.id, t.state, t.azimuth, t.elevation, t.azimuth_rate, t.elevation_rate, t.angular_width,
                 t.angular_height)
        for t in message.tracks)


def _command_row(message: Any) -> CommandRow:
    return CommandRow(message.mode, message.pan, message.tilt, message.pan_rate, message.tilt_rate)
