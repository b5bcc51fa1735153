"""The cores of perception and control, run again on what a bag holds: in this process, without graph and clock.

Everything happens in the order of the bag, so the same bag gives the same history, to the bit. What the nodes do with a
message is done here by the same functions. Images are looked at where the bag has them, raw ones first; without, the
tracker follows the recorded detections, and without these, control follows the recorded tracks.

The controller turns at the stamps of the recorded commands, in the modes that ``controller/state`` tells. Where an
operator or a pattern moved the head, for which the bag does not hold the requests, nothing is compared.
"""

from __future__ import annotations

import bisect
import dataclasses
import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage

from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.reader import Bag
from turret_bringup.bags.ros_messages import messages, namespace_of
from turret_bringup.bags.ros_messages import stamp_ns_of as _ns
from turret_bringup.rerun.history import AimRow, BoxRow, CommandRow, History, TrackRow, same_ids
from turret_common.errors import TurretError
from turret_common.geometry import Bearing, PinholeCamera
from turret_common.images import to_bgr
from turret_common.permit import PermitMonitor
from turret_common.pose_history import PoseHistory
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import image_to_array, info_to_camera
from turret_common.ros.joint_feed import pose_of
from turret_common.ros.time import seconds
from turret_control.boresight.boresight import Boresight
from turret_control.controller.controller import Controller, Mode
from turret_control.controller.ros_messages import (
    aim_message,
    observe_joints,
    observe_permit,
    observe_tracks,
    report_from,
    write_command,
)
from turret_control.controller_parameters import ControllerParameters
from turret_msgs import msg as msgs
from turret_vision.detectors.detection import Box, Detection, Image
from turret_vision.ros_vision import tracks_message
from turret_vision.tracking.tracker import Track
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

#: How much later than it took effect a message may have been recorded, when the recorder was held up.
_REORDER_NS = 1_000_000_000
#: A stamp further than this from the time of recording is of another clock.
_SAME_CLOCK_NS = 10_000_000_000
#: From the stamp of a measurement or a permit to its arrival, at most, where nothing is held up.
_ON_ITS_WAY_NS = 5_000_000
#: By how much what a turn is known to have seen came before it.
_BEFORE_NS = 1_000_000
_TRUTH_NS = 10_000_000      # from a sample of the truth to an image, at most
_AIM_NS = 5_000_000         # the rounding of an aim's lead is far below this
_RAW, _JPEG = 'camera/image_raw', 'camera/image_raw/compressed'
#: Everything that a re-run takes from a bag, relative to the namespace; of the two kinds of pictures it needs one.
INPUTS = (
    _RAW, _JPEG, 'camera/camera_info', 'joint_states', 'vision/detections', 'vision/tracks', 'gimbal/state',
    'gimbal/command', 'controller/state', 'controller/target', 'safety/permit', 'sim/ground_truth')
_UNSTAMPED = Time()


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the cores are run with; ``every_image`` also looks at recorded images that vision had left out."""

    vision: VisionParameters
    controller: ControllerParameters
    every_image: bool = False


@dataclasses.dataclass
class Rerun:
    """The recorded history, the one made again, and in simulation the true bearings of targets at stamps of images."""

    recorded: History
    again: History
    truth: dict[int, list[Bearing]]


def rerun(bag: Bag, settings: Settings) -> Rerun:
    """Run the cores again.

    Raises:
        BagError: the bag is damaged, or was not recorded from a turret.
    """
    cv2.setNumThreads(1)  # as in the vision node
    facts = _Facts(bag)
    return _Player(bag, settings, facts).run()


class _Facts:
    """What must be known before the first turn.

    Attributes:
        prefix: namespace of the turret.
        looked_at: stamps of the images that vision looked at.
        clock_ns: from the monotonic clock of the recording to its wall clock.
        permits: whether permits were recorded.
        states: of the controller, by stamp, where what the operator wants changed.
        seen_at: stamp of the turn of the controller that was the first to know an image, by the image's stamp.
        truth: every sample: its stamp, and bearings and rates of the targets in sight.
    """

    def __init__(self, bag: Bag) -> None:
        self.prefix = namespace_of(bag)
        self.looked_at: set[int] = set()
        self.seen_at: dict[int, int] = {}
        self.clock_ns: int | None = None
        self.states: list[tuple[int, Any]] = []
        self.truth: list[tuple[int, list[tuple[float, float, float, float]]]] = []
        images: list[int] = []
        aims: list[tuple[int, int]] = []
        names = ('vision/detections', 'vision/tracks', 'controller/target', 'safety/permit', 'controller/state',
                 'sim/ground_truth')
        for name, stamp_ns, message in messages(bag, names, self.prefix):
            if name == 'vision/detections':
                self.looked_at.add(_ns(message.header.stamp))
            elif name == 'vision/tracks':
                images.append(_ns(message.header.stamp))
            elif name == 'controller/target':
                if message.track_id:
                    at = _ns(message.header.stamp)
                    aims.append((at, at - round(1e9 * message.lead_s)))
            elif name == 'safety/permit':
                offset = stamp_ns - message.monotonic_ns
                self.clock_ns = offset if self.clock_ns is None else min(self.clock_ns, offset)
            elif name == 'controller/state':
                if not self.states or _wishes(self.states[-1][1]) != _wishes(message):
                    self.states.append((_ns(message.header.stamp), message))
            else:
                self.truth.append((_ns(message.header.stamp), [
                    (t.azimuth, t.elevation, t.azimuth_rate, t.elevation_rate) for t in message.targets if t.visible]))
        images.sort()
        self.truth.sort(key=lambda sample: sample[0])
        for at, image in aims:
            i = bisect.bisect_left(images, image - _AIM_NS)
            if i < len(images) and images[i] <= image + _AIM_NS:
                self.seen_at.setdefault(images[i], at)

    def effect_ns(self, name: str, at_ns: int, message: Any) -> int:
        """Return when a message took effect: what the recorder was late for is put where it belongs.

        A command took effect when it was computed, tracks when the controller is known to have used them, pictures with
        their stamp, because what waits for them has its own time, and measurements soon after theirs.
        """
        if name == 'safety/permit':
            return min(at_ns, int(message.monotonic_ns) + (self.clock_ns or 0) + _ON_ITS_WAY_NS)
        stamp = _ns(message.header.stamp)
        if abs(at_ns - stamp) > _SAME_CLOCK_NS:
            return at_ns
        if name == 'vision/tracks':
            seen_at = self.seen_at.get(stamp)
            return at_ns if seen_at is None else seen_at - _BEFORE_NS
        if name in ('joint_states', 'gimbal/state'):
            return min(at_ns, stamp + _ON_ITS_WAY_NS)
        return stamp

    def truth_at(self, stamps: Iterable[int]) -> dict[int, list[Bearing]]:
        """Return where the targets were at stamps for which that is known."""
        known, times = {}, [at for at, _ in self.truth]
        for stamp in stamps if self.truth else ():
            i = bisect.bisect_left(times, stamp)
            at, targets = min(self.truth[max(0, i - 1):i + 1], key=lambda sample: abs(sample[0] - stamp))
            if abs(at - stamp) <= _TRUTH_NS:
                dt = 1e-9 * (stamp - at)
                known[stamp] = [Bearing(a + dt * a_rate, e + dt * e_rate) for a, e, a_rate, e_rate in targets]
        return known


def _wishes(state: Any) -> tuple[Any, ...]:
    """Return what the operator has asked of the controller."""
    crosshair = state.crosshair
    return (state.mode, state.selected_id, crosshair.boresight_azimuth, crosshair.boresight_elevation,
            crosshair.offset_y, crosshair.offset_z)


class _Player:
    """Passes a bag's messages to the cores and keeps what comes out."""

    def __init__(self, bag: Bag, settings: Settings, facts: _Facts) -> None:
        self._bag, self._facts = bag, facts
        self._recorded, self._again = History(), History()
        counts = {name: bag.counts.get(f'{facts.prefix}/{name}', 0) for name in (_RAW, _JPEG, 'vision/detections')}
        self._pictures = next((name for name in (_RAW, _JPEG) if counts[name]), None)
        self._chosen = facts.looked_at if facts.looked_at and not settings.every_image else None
        self._perception = _Perception(settings.vision) if self._pictures or counts['vision/detections'] else None
        self._control = _Control(settings.controller, facts, bag.start_ns)
        self._newest_tracks = 0

    def run(self) -> Rerun:
        names = [name for name in INPUTS if name not in (_RAW, _JPEG) or name == self._pictures]
        recorded = messages(self._bag, names, self._facts.prefix)
        for name, at_ns, message in _in_order(recorded, self._facts):
            self._take(name, at_ns, message)
        if self._perception is not None:
            self._keep(self._perception.finish())
        truth = self._facts.truth_at(self._recorded.tracks.keys() | self._again.tracks.keys())
        return Rerun(self._recorded, self._again, truth)

    def _take(self, name: str, at_ns: int, message: Any) -> None:
        perception, stamp = self._perception, _ns(message.header.stamp) if hasattr(message, 'header') else 0
        if name == 'joint_states':
            self._control.joints(message, at_ns)
            if perception is not None:
                self._keep(perception.joints(message, at_ns))
        elif name == 'camera/camera_info':
            self._control.camera(message)
            if perception is not None:
                perception.camera = info_to_camera(message)
        elif name == self._pictures:
            if perception is not None and (self._chosen is None or stamp in self._chosen):
                self._keep(perception.picture(message, at_ns))
        elif name == 'vision/detections':
            self._recorded.detections[stamp] = tuple(
                BoxRow(d.class_id, d.box.center_x, d.box.center_y, d.box.width, d.box.height)
                for d in message.detections)
            if perception is not None and self._pictures is None:
                self._keep(perception.detections(message, at_ns))
        elif name == 'vision/tracks':
            self._take_tracks(stamp, at_ns, message)
        elif name == 'controller/target':
            self._take_aim(stamp, message)
        elif name == 'gimbal/command':
            self._turn(stamp, message)
        else:
            self._control.take(name, message)

    def _take_tracks(self, stamp: int, at_ns: int, message: Any) -> None:
        self._recorded.tracks[stamp] = _track_rows(message)
        self._newest_tracks = stamp
        if self._perception is not None:
            self._keep(self._perception.finish(stamp))
            message = self._perception.tracks.pop(stamp, None)
        else:
            self._again.tracks[stamp] = self._recorded.tracks[stamp]
        if message is not None:
            self._control.tracks(message, at_ns)

    def _take_aim(self, stamp: int, message: Any) -> None:
        image = stamp - round(1e9 * message.lead_s) if message.track_id else self._newest_tracks
        near = [s for s in (self._newest_tracks, image) if abs(s - image) <= _AIM_NS]
        if near:
            self._recorded.aims[near[0]] = AimRow(
                message.track_id, message.azimuth, message.elevation, message.aim_error)

    def _turn(self, stamp: int, message: Any) -> None:
        names = same_ids(self._recorded, self._again) if self._control.needs_names(stamp) else {}
        turn = self._control.turn(stamp, names)
        if turn is None:
            return
        command, image, aim = turn
        self._recorded.commands[stamp] = _command_row(message)
        self._again.commands[stamp] = command
        if image is not None:
            self._again.aims[image] = aim

    def _keep(self, seen: Iterable[_Seen]) -> None:
        for one in seen:
            if one.boxes is not None:
                self._again.detections[one.stamp] = one.boxes
            if one.tracks is not None:
                self._again.tracks[one.stamp] = _track_rows(one.tracks)


@dataclasses.dataclass
class _Seen:
    """What came of one image: boxes (None = not looked for), tracks as a message (None = not tracked)."""

    stamp: int
    boxes: tuple[BoxRow, ...] | None
    tracks: Any


class _Perception:
    """The core of the vision node; images wait for the pose at their stamp, as long as they do there.

    Attributes:
        camera: newest description; None = unknown.
        tracks: messages by stamp, until control takes them.
    """

    def __init__(self, parameters: VisionParameters) -> None:
        self.camera: PinholeCamera | None = None
        self.tracks: dict[int, Any] = {}
        self._vision = Vision(parameters, clock=lambda: 0.0)
        self._wait_ns = round(1e9 * parameters.pose_wait_s)
        self._poses = PoseHistory()
        self._pose_at = -math.inf
        self._waiting: deque[tuple[int, Any]] = deque()

    def joints(self, message: Any, at_ns: int) -> list[_Seen]:
        """Take a pose; return what became of images that waited for it."""
        pose = pose_of(message)
        if pose is not None:
            self._pose_at = seconds(message.header.stamp)
            self._poses.add(self._pose_at, pose)
        return self._look(at_ns)

    def picture(self, message: Any, at_ns: int) -> list[_Seen]:
        """Take an image."""
        self._waiting.append((at_ns + self._wait_ns, message))
        return self._look(at_ns)

    detections = picture

    def finish(self, stamp: int | None = None) -> list[_Seen]:
        """Return what became of images up to a stamp, or of all, which wait no longer."""
        seen = []
        while self._waiting and (stamp is None or _ns(self._waiting[0][1].header.stamp) <= stamp):
            seen.append(self._process(self._waiting.popleft()[1]))
        return seen

    def _look(self, at_ns: int) -> list[_Seen]:
        seen = []
        while self._waiting and (
                self._waiting[0][0] <= at_ns or seconds(self._waiting[0][1].header.stamp) <= self._pose_at):
            seen.append(self._process(self._waiting.popleft()[1]))
        return seen

    def _process(self, message: Any) -> _Seen:
        at = seconds(message.header.stamp)
        boxes, tracks = None, None
        if isinstance(message, msgs.DetectionArray):
            found = [Detection(d.class_id, _box(d.box), d.confidence) for d in message.detections]
            tracks = self._vision.cycle_on_detections(
                found, (message.width, message.height), at, self.camera, self._poses.at)
        elif (result := self._vision.cycle(_pixels(message), at, self.camera, self._poses.at)) is not None:
            boxes = tuple(BoxRow(d.class_id, *map(float, d.box)) for d in result.detections)
            tracks = result.tracks
        return _Seen(_ns(message.header.stamp), boxes, self._publish(message, tracks))

    def _publish(self, message: Any, tracks: Sequence[Track] | None) -> Any:
        if tracks is None:
            return None
        sent = tracks_message(message.header.stamp, '', tracks)
        arrived = deserialize_message(serialize_message(sent), msgs.TrackArray)  # rounds numbers as the wire does
        self.tracks[_ns(message.header.stamp)] = arrived
        return arrived


def _box(box: Any) -> Box:
    return Box(box.center_x, box.center_y, box.width, box.height)


def _pixels(message: Any) -> Image:
    if not isinstance(message, CompressedImage):
        return to_bgr(image_to_array(message), message.encoding)
    pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise BagError(ReasonCode.DAMAGED, f'the picture of {seconds(message.header.stamp):.3f} s cannot be decoded')
    return pixels  # type: ignore[return-value]


class _Control:
    """The core of the controller node. Its clock is the recording's wall clock, counted from the bag's beginning."""

    def __init__(self, parameters: ControllerParameters, facts: _Facts, origin_ns: int) -> None:
        self._controller = Controller(dataclasses.replace(parameters, start_mode='idle'))
        self._permit = PermitMonitor()
        self._facts = facts
        self._origin_ns = origin_ns
        self._states = deque(facts.states)
        self._state: Any = None
        self._delivered: int | None = None  # stamp of the image whose tracks arrived since the last turn

    def take(self, name: str, message: Any) -> None:
        """Take an input that needs no time."""
        if name == 'safety/permit':
            observe_permit(self._permit, message)
        elif name == 'gimbal/state':
            self._controller.drive.observe_gimbal(report_from(message))

    def camera(self, message: Any) -> None:
        """Take the description of the camera."""
        self._controller.target.camera = info_to_camera(message)

    def joints(self, message: Any, at_ns: int) -> None:
        """Take a pose."""
        observe_joints(self._controller, message, self._at(at_ns), self._at(0))

    def tracks(self, message: Any, at_ns: int) -> None:
        """Take the tracks of an image."""
        observe_tracks(self._controller, message, self._at(at_ns), self._at(0))
        self._delivered = _ns(message.header.stamp)

    def needs_names(self, stamp: int) -> bool:
        """Return whether the operator has chosen a track, which may have another id now."""
        return bool(self._states and self._states[0][0] <= stamp and self._states[0][1].selected_id)

    def turn(self, stamp: int, names: dict[str, str]) -> tuple[CommandRow, int | None, AimRow] | None:
        """Return what one turn commands, the image that it is the first to know, and the aim then.

        None where it is not known, or not recorded, what the operator wanted.

        Args:
            stamp: of the turn.
            names: ids of recorded tracks and what the same ones are called now.
        """
        self._follow_operator(stamp, names)
        if self._state is None:
            return None
        now, clock_ns = self._at(stamp), self._facts.clock_ns
        code = ReasonCode.OK if clock_ns is None else self._permit.motion_code(stamp - clock_ns)
        command = write_command(msgs.GimbalCommand(), self._controller.tick(now, code), 0, _UNSTAMPED)
        delivered, self._delivered = self._delivered, None
        if self._state.mode in (Mode.MANUAL, Mode.PATTERN):
            return None
        aim = aim_message(self._controller.target.aim, self._at(0), _UNSTAMPED, '')
        return _command_row(command), delivered, AimRow(aim.track_id, aim.azimuth, aim.elevation, aim.aim_error)

    def _follow_operator(self, stamp: int, names: dict[str, str]) -> None:
        while self._states and self._states[0][0] <= stamp:
            self._state = self._states.popleft()[1]
            mode, crosshair = Mode(self._state.mode), self._state.crosshair
            self._controller.target.boresight = Boresight(
                crosshair.boresight_azimuth, crosshair.boresight_elevation, crosshair.offset_y, crosshair.offset_z)
            mode = Mode.MANUAL if mode is Mode.PATTERN else mode
            if self._controller.mode is not mode:
                self._controller.set_mode(mode)
            chosen = names.get(self._state.selected_id, '')
            if self._controller.target.selected_id != chosen:
                try:
                    self._controller.target.select(chosen)
                except TurretError:
                    self._controller.target.select('')

    def _at(self, stamp_ns: int) -> float:
        return 1e-9 * (stamp_ns - self._origin_ns)


def _in_order(recorded: Iterator[tuple[str, int, Any]], facts: _Facts) -> Iterator[tuple[str, int, Any]]:
    """Give messages in the order in which they took effect, and when that was."""
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
