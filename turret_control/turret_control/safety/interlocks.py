# SPDX-License-Identifier: Apache-2.0
"""The interlocks: the decisions of the safety node on motion and emission.

Reports of other nodes arrive through the ``observe_`` methods with the time of their receipt, requests of the operator
through the other methods; :meth:`SafetyCore.decide` evaluates them. All times are CLOCK_MONOTONIC of this host in ns.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from turret_common.errors import TurretError
from turret_common.geometry import Bearing, base_from_head, bearing_of, direction
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite
from turret_control.safety.lease import OperatorLease
from turret_control.safety.person_exclusion import Beam, PeopleReport, PersonExclusion, reach
from turret_control.safety.stop_file import NO_STOP, StopRecord
from turret_control.safety.zones import Motion, Zone, check_zones, lie_below, may_fire, version_of
from turret_control.safety_parameters import SafetyParameters

_SECOND_NS = 1_000_000_000
#: Maximum silence of the camera with a real laser [s].
_CAMERA_TIMEOUT_S = 3.0
#: Events are reported for this long, so that a lost permit does not hide them.
_SHOWN_NS = _SECOND_NS
_CLOCK_STEP_NS = 50_000_000
#: Stamps may lie this far in the future, in s: clocks are read one after the other.
_STAMP_AGE_MIN_S = -0.01
#: DDS forgets a killed node only after 20 s; until then its successor has a namesake.
_DUPLICATE_NS = 25 * _SECOND_NS
_STOP_REASON_LENGTH_MAX = 200
#: Maximum silence of the controller during automatic fire [s].
_AIM_TIMEOUT_S = 0.5
#: Time that the laser has to report the beginning of an automatic burst.
_BURST_BEGIN_NS = _SECOND_NS // 2
#: Automatic fire needs the aim to be good in so many images in a row.
_SETTLED_IMAGES = 3
#: The class 2 profile: the region is confirmed for so long, and the beam must have moved so far within so long.
_CONFIRMED_NS, _STILL_NS, _STILL_ANGLE = 60 * _SECOND_NS, _SECOND_NS // 2, math.radians(1.0)

ReportT = TypeVar('ReportT')


class Estop(IntEnum):
    """The constants ``ESTOP_*`` of ``SafetyState.msg``."""

    UNKNOWN = 0
    NONE = 1
    RELEASED = 2
    PRESSED = 3
    UNREADABLE = 4


#: States of the input that cut the supply of the motors.
_OPEN = frozenset({Estop.PRESSED, Estop.UNREADABLE})


class GimbalReport(NamedTuple):
    """State of the gimbal.

    Attributes:
        hardware: its motors are real.
        homed: both axes have a reference, and powered motors hold them.
        measured: both positions are measured, not counted or assumed.
        decelerations: that pan and tilt brake with, in rad/s^2.
        home_id: identifies the reference: start of the node and number of times that it was found.
        geometry: limits and home, on which a confirmed region depends.
    """

    hardware: bool
    homed: bool
    measured: bool
    decelerations: tuple[float, float]
    home_id: tuple[float, int]
    geometry: tuple[float, ...]


class LaserReport(NamedTuple):
    """State of the laser.

    Attributes:
        hardware: it is real.
        armed: arming included.
        ready: armed, and the arming delay is over.
        class2_play: it runs under that profile.
        firing: a burst is under way.
    """

    hardware: bool
    armed: bool
    ready: bool = False
    class2_play: bool = False
    firing: bool = False


class CameraReport(NamedTuple):
    """State of the camera: whether its images show the real world live, and where it is mounted."""

    hardware: bool
    on_base: bool


class AimReport(NamedTuple):
    """Aim of the controller.

    Attributes:
        following: the head itself follows a target, rather than a mark on the screen.
        calibrated: the boresight was measured.
        boresight: azimuth and elevation of the laser relative to the head, in rad.
        geometry: all else that determines where the laser points.
        target: id of the track that is followed.
    """

    following: bool
    calibrated: bool
    boresight: Bearing
    geometry: tuple[float, ...]
    target: str = ''


class Verdict(NamedTuple):
    """What is permitted, and the reasons of all inhibits."""

    laser_ok: bool
    motion_ok: bool
    reasons: tuple[ReasonCode, ...]


class _Latest(Generic[ReportT]):
    """The newest report of one kind and the time of its receipt."""

    def __init__(self) -> None:
        self.last: ReportT | None = None
        self._ns = 0

    def update(self, report: ReportT | None, at_ns: int) -> None:
        """Take a report."""
        self.last, self._ns = report, at_ns

    def fresh(self, timeout_s: float, now_ns: int) -> ReportT | None:
        """Return the report; None where there is none or it is too old."""
        return self.last if now_ns - self._ns < timeout_s * 1e9 else None


class SafetyCore:
    """Evaluates everything that permits or inhibits motion and emission.

    Attributes:
        lease: the operator's.
        zones: in force.
        record: the stop in force, if any, and the number of stops in this run.
        auto_fire: automatic fire is on.
        not_now: why automatic fire last did not fire, or why it ended; empty when it fired.
        estop: the emergency-stop input.
        burst_count: number of automatic bursts that were granted.
        exclusion_required: the beam is kept away from people.
    """

    def __init__(
            self, parameters: SafetyParameters, lease: OperatorLease, zones: Sequence[Zone] = (),
            stop: StopRecord = NO_STOP) -> None:
        self._parameters = parameters
        self.lease = lease
        self.zones = tuple(zones)
        self.record = stop
        self.auto_fire = False
        self.not_now = ''
        self.estop = Estop.NONE if parameters.estop_driver == 'none' else Estop.UNKNOWN
        self._gimbal: _Latest[GimbalReport] = _Latest()
        self._laser: _Latest[LaserReport] = _Latest()
        self._camera: _Latest[CameraReport] = _Latest()
        self._exclusion = PersonExclusion(parameters.exclusion_margin)
        self._pose: _Latest[Pose] = _Latest()
        self._image: _Latest[bool] = _Latest()
        self._aims: _Latest[AimReport] = _Latest()
        self._auto_fire_until_ns = 0
        self._void_home: tuple[float, int] | None = None  # the reference that an emergency stop made invalid
        self._void_next_home = False
        self._confirmed: tuple[object, ...] | None = None
        self._confirmed_ns = 0
        self._poses: deque[tuple[int, Pose]] = deque()
        self._stop_pending = False
        self._stop_shown_ns: int | None = None
        self._clock_offset_ns: int | None = None
        self._clock_jump_ns: int | None = None
        self._foreign_message_ns: int | None = None
        self._foreign_publishers: frozenset[str] = frozenset()
        self._foreign_commands = False
        self._duplicates_since: dict[str, int] = {}
        self._granted: tuple[int | None, int] = (None, 0)  # number and image [ns] of the newest granted request
        self._aimed: tuple[str, float, int] = ('', 0, 0)  # track, time of the newest image in ns, good images in a row
        self._burst: tuple[str, int] | None = None  # track and begin of the automatic burst under way
        self.burst_count = 0

    # Reports

    def observe_gimbal(self, report: GimbalReport, now_ns: int) -> None:
        """Take the gimbal's state."""
        self._gimbal.update(report, now_ns)
        if self.estop in _OPEN or self._void_next_home:
            self._void_home, self._void_next_home = report.home_id, False
        self._void_changed_region()

    def observe_laser(self, report: LaserReport, now_ns: int) -> None:
        """Take the laser's state; automatic fire ends with its arm."""
        self._laser.update(report, now_ns)
        if not report.armed:
            self._end_auto_fire()

    def observe_camera(self, report: CameraReport, now_ns: int) -> None:
        """Take the camera's state."""
        self._camera.update(report, now_ns)

    def observe_estop(self, estop: Estop) -> None:
        """Take the emergency-stop input. Releasing it starts nothing: the stop stays until :meth:`reset`.

        An input that cannot be read counts as pressed. Both cut the supply of the motors: the confirmed region is void,
        and so is the reference of the gimbal until another one is found.
        """
        opened = estop in _OPEN and self.estop not in _OPEN
        self.estop = estop
        if opened:
            gimbal = self._gimbal.last
            self._confirmed = None
            self._void_home, self._void_next_home = (gimbal.home_id, False) if gimbal else (None, True)
            self.record = self.record._replace(estops=self.record.estops + 1)
        if opened or (estop in _OPEN and self.stop_reason is None):
            pressed = 'was pressed' if estop is Estop.PRESSED else 'cannot be read'
            self.stop(self.stop_reason or f'the emergency stop {pressed}')

    def observe_people(self, report: PeopleReport, stamp_age_s: float, now_ns: int) -> None:
        """Take the report of the person exclusion on an image of that age."""
        self._exclusion.see(report, stamp_age_s, now_ns)

    def observe_aim(self, report: AimReport, now_ns: int) -> None:
        """Take the controller's state."""
        self._aims.update(report, now_ns)
        self._void_changed_region()

    def observe_pose(self, pose: Pose, stamp_age_s: float, now_ns: int) -> None:
        """Take a measured pose of that age; one that is not finite, or from the future, counts as none."""
        known = all(map(math.isfinite, pose)) and stamp_age_s >= _STAMP_AGE_MIN_S
        measured_ns = now_ns - round(stamp_age_s * 1e9) if known else now_ns
        self._pose.update(pose if known else None, measured_ns)
        if known:
            self._poses.append((measured_ns, pose))
        while self._poses and self._poses[0][0] < now_ns - 2 * _STILL_NS:
            self._poses.popleft()

    def observe_tracks(self, stamp_age_s: float, now_ns: int) -> None:
        """Take the age of the image that the newest tracks come from; one from the future is refused."""
        if stamp_age_s >= _STAMP_AGE_MIN_S:
            self._image.update(True, now_ns - round(stamp_age_s * 1e9))

    def observe_clock(self, offset_ns: int, now_ns: int) -> None:
        """Take the wall clock's present offset from the monotonic clock."""
        if self._clock_offset_ns is not None and abs(offset_ns - self._clock_offset_ns) > _CLOCK_STEP_NS:
            self._clock_jump_ns = now_ns
        self._clock_offset_ns = offset_ns

    def observe_foreign_message(self, now_ns: int) -> None:
        """Take that a message of authority arrived that no node of this run published just now."""
        self._foreign_message_ns = now_ns

    def observe_publishers(self, nodes: Mapping[str, Sequence[str]], controller: str, now_ns: int) -> None:
        """Take the full names of the nodes that publish each topic that has one owner, and the controller's name.

        Two names are two publishers. One name twice may be a node that was killed and its successor, for a while.
        Motion commands come from the controller only, also while it is not running.
        """
        self._foreign_publishers = frozenset(topic for topic, names in nodes.items() if len(set(names)) > 1)
        self._foreign_commands = any(name != controller for name in nodes.get('gimbal/command', ()))
        namesakes = {topic for topic, names in nodes.items() if len(names) > len(set(names))}
        self._duplicates_since = {topic: self._duplicates_since.get(topic, now_ns) for topic in namesakes}

    # Requests

    @property
    def stop_reason(self) -> str | None:
        """Why everything is stopped; None = no stop is in force."""
        return self.record.reason

    @property
    def _aim(self) -> AimReport | None:
        return self._aims.last

    def stop(self, reason: str) -> None:
        """Withdraw everything until :meth:`reset`. Never refused."""
        text = ''.join(c if c.isprintable() else ' ' for c in reason[:_STOP_REASON_LENGTH_MAX]).strip()
        self.record = self.record._replace(reason=text or 'no reason given', stops=self.record.stops + 1)
        self._stop_pending = True
        self._end_auto_fire()

    def reset(self, lease_id: str, stops: int) -> None:
        """Clear the stop; nothing starts or arms by that. One that is cleared at once still holds for a second.

        Args:
            lease_id: of the caller.
            stops: number of stops that the caller knows of.

        Raises:
            TurretError: as :meth:`OperatorLease.check`; BUSY, there was another stop.
        """
        self.lease.check(lease_id)
        if stops != self.record.stops:
            raise TurretError(ReasonCode.BUSY, 'there was another stop: reset it again')
        self.record = self.record._replace(reason=None)

    def acquire(self, secret: str, name: str, take_over: bool, now_ns: int) -> tuple[str, str]:
        """Change the operator. Raises and returns as :meth:`OperatorLease.acquire`."""
        granted = self.lease.acquire(secret, name, take_over, now_ns)
        self._end_auto_fire()
        return granted

    def release(self, lease_id: str) -> None:
        """Leave the turret without an operator. Raises as :meth:`OperatorLease.check`."""
        self.lease.release(lease_id)
        self._end_auto_fire()

    def set_zones(self, lease_id: str, zones: Sequence[Zone], base_version: str = '') -> None:
        """Replace all zones and void a confirmed region.

        Args:
            lease_id: of the operator.
            zones: the new ones.
            base_version: version of the zones that were edited; empty = replace whatever is in force.

        Raises:
            TurretError: as :meth:`OperatorLease.check` and :func:`check_zones`; WRONG_MODE while the laser is armed;
                STALE_INPUT if the zones have changed since ``base_version``.
        """
        self.check_zones(lease_id, zones, base_version)
        self.zones = tuple(zones)
        self._confirmed = None

    def check_zones(self, lease_id: str, zones: Sequence[Zone], base_version: str = '') -> None:
        """Refuse what :meth:`set_zones` refuses, and change nothing."""
        self.lease.check(lease_id)
        if base_version not in ('', version_of(self.zones)):
            raise TurretError(ReasonCode.STALE_INPUT, 'the zones were changed while they were edited')
        if self._laser.last is not None and self._laser.last.armed:
            raise TurretError(ReasonCode.WRONG_MODE, 'disarm the laser before changing zones')
        check_zones(zones)

    def confirm_region(self, lease_id: str, now_ns: int) -> None:
        """Take the operator's confirmation that the region outside of the zones is safe, for the present geometry.

        Raises:
            TurretError: as :meth:`OperatorLease.check`; DRIVER_SILENT or NOT_HOMED while there is no geometry.
        """
        self.lease.check(lease_id)
        gimbal = self._gimbal.fresh(self._parameters.driver_timeout_s, now_ns)
        if gimbal is None:
            raise TurretError(ReasonCode.DRIVER_SILENT, 'the gimbal does not report')
        if not self._homed(gimbal):
            raise TurretError(ReasonCode.NOT_HOMED, 'home the gimbal before confirming the region')
        self._confirmed, self._confirmed_ns = self._geometry(), now_ns

    @property
    def region_confirmed(self) -> bool:
        """Whether the operator confirmed the region since the geometry last changed."""
        return self._confirmed is not None

    @property
    def exclusion_required(self) -> bool:
        """Whether the beam is kept away from people."""
        wanted, laser = self._parameters.exclusion, self._laser.last
        return wanted == 'always' or (wanted == 'hardware' and laser is not None and laser.hardware)

    def confirm_remaining_s(self, now_ns: int) -> float:
        """Return for how much longer the region counts as confirmed; NaN when that has no end, or it does not."""
        if not self.region_confirmed or self._laser.last is None or not self._laser.last.class2_play:
            return math.nan
        return 1e-9 * (self._confirmed_ns + _CONFIRMED_NS - now_ns)

    def set_auto_fire(self, lease_id: str, enabled: bool, now_ns: int) -> None:
        """Switch automatic fire; also an act that lets it continue.

        Raises:
            TurretError: as :meth:`OperatorLease.check`; to switch it on also HEARTBEAT_LOST, SOFTWARE_STOP, NOT_ARMED.
        """
        self.lease.check(lease_id)
        if enabled:
            if not self.lease.present(now_ns):
                raise TurretError(ReasonCode.HEARTBEAT_LOST, 'automatic fire needs the operator\'s heartbeat')
            if self.stop_reason is not None:
                raise TurretError(ReasonCode.SOFTWARE_STOP, 'reset the stop first')
            if self._laser.last is None or not self._laser.last.armed:
                raise TurretError(ReasonCode.NOT_ARMED, 'arm the laser first')
        self._end_auto_fire()
        self.auto_fire = enabled
        self.note_act(now_ns)

    def note_act(self, now_ns: int) -> None:
        """Note an act of the operator, without which automatic fire ends after a while."""
        self._auto_fire_until_ns = now_ns + round(1e9 * self._parameters.auto_fire_timeout_s)

    def auto_fire_remaining_s(self, now_ns: int) -> float:
        """Return the time until automatic fire ends unless the operator acts [s]; NaN while it is off."""
        return 1e-9 * (self._auto_fire_until_ns - now_ns) if self.auto_fire else math.nan

    def request_fire(
            self, seq: int, track_id: str, stamp_age_s: float, aim_error: float, now_ns: int,
            stamp_ns: int | None = None) -> None:
        """Grant the controller's request for one burst, if the aim was good in three images in a row.

        Args:
            seq: of the decision; each is granted at most once, and none that is older than a granted one.
            track_id: the target.
            stamp_age_s: age of the image that it rests on.
            aim_error: predicted for the moment of fire, in rad.
            now_ns: time of receipt.
            stamp_ns: stamp of the image, which identifies it; None for the time that results from its age.

        Raises:
            TurretError: why not now; also kept in ``not_now``.
        """
        try:
            image_ns = self._check_fire(seq, track_id, stamp_age_s, aim_error, now_ns, stamp_ns)
        except TurretError as error:
            self.not_now = error.message if self.auto_fire else ''
            raise
        self._granted = (seq, image_ns)
        self.not_now = ''
        self.burst_count += 1
        self._burst = (track_id, now_ns)

    def renew_burst(self, now_ns: int) -> bool | None:
        """Return whether the automatic burst under way may continue; None while there is none.

        It may while everything that permitted it holds: automatic fire, the operator, the same target and the permit.
        """
        if self._burst is None:
            return None
        track_id, began_ns = self._burst
        firing = self._laser.last is not None and self._laser.last.firing
        if not firing and now_ns - began_ns >= _BURST_BEGIN_NS:
            self._burst = None
            return None
        aim = self._aims.fresh(_AIM_TIMEOUT_S, now_ns)
        on = (self.auto_fire and aim is not None and aim.following and aim.target == track_id
              and self.decide(now_ns).laser_ok)
        if not on:
            self._burst = None
        return on

    def _check_fire(
            self, seq: int, track_id: str, stamp_age_s: float, aim_error: float, now_ns: int,
            stamp_ns: int | None) -> int:
        """Return the time of the image. Raises TurretError as :meth:`request_fire`."""
        require_finite(stamp_age_s=stamp_age_s, aim_error=aim_error)
        if not self.auto_fire:
            raise TurretError(ReasonCode.WRONG_MODE, 'automatic fire is off')
        if not _STAMP_AGE_MIN_S <= stamp_age_s <= self._parameters.vision_timeout_s:
            raise TurretError(ReasonCode.STALE_INPUT, f'the image is {stamp_age_s:.3f} s old')
        image_ns = now_ns - round(stamp_age_s * 1e9) if stamp_ns is None else stamp_ns
        granted_seq, granted_ns = self._granted
        older = granted_seq is not None and (
            0 < granted_ns - image_ns <= self._parameters.vision_timeout_s * 1e9
            or (granted_ns == image_ns and seq <= granted_seq))
        if older or seq == granted_seq:
            raise TurretError(ReasonCode.BUSY, 'this decision was granted already, or a newer one was')
        aim = self._aims.fresh(_AIM_TIMEOUT_S, now_ns)
        if aim is None or not aim.following:
            raise TurretError(ReasonCode.WRONG_MODE, 'the head does not follow a target')
        camera = self._camera.fresh(_CAMERA_TIMEOUT_S, now_ns)
        if camera is None or (camera.on_base and not aim.calibrated):
            raise TurretError(
                ReasonCode.NO_CALIBRATION, 'the camera is silent, or on the base without a calibrated boresight')
        good = self._count_aimed(track_id, image_ns, aim_error)
        if not good:
            raise TurretError(ReasonCode.NOT_READY, f'the aim is off by {math.degrees(aim_error):.2f} deg')
        if good < _SETTLED_IMAGES:
            raise TurretError(ReasonCode.NOT_READY, 'the aim is settling')
        verdict = self.decide(now_ns)
        if not verdict.laser_ok:
            raise TurretError(verdict.reasons[0], f'emission is inhibited: {verdict.reasons[0].name}')
        return image_ns

    def _count_aimed(self, track_id: str, image_ns: int, aim_error: float) -> int:
        """Return in how many images in a row the aim at the same target was good, this one included."""
        last_id, last_ns, good = self._aimed
        if track_id != last_id or abs(image_ns - last_ns) > self._parameters.vision_timeout_s * 1e9:
            last_ns, good = -math.inf, 0  # it is another target, the images paused, or the clock was set back
        if not 0.0 <= aim_error <= self._parameters.aim_error_max:
            good = 0
        elif image_ns > last_ns:
            good += 1
        self._aimed = (track_id, max(image_ns, last_ns), good)
        return good

    # Decisions

    def decide(self, now_ns: int) -> Verdict:
        """Return what is permitted now."""
        self.lease.expire(now_ns)
        motion = self._motion_reasons(now_ns)
        operator = self.lease.reasons(now_ns)
        if motion or operator:
            self._end_auto_fire()
        if self.auto_fire and now_ns >= self._auto_fire_until_ns:
            self._end_auto_fire()
            self.not_now = f'automatic fire ended: no act within {self._parameters.auto_fire_timeout_s:g} s'
        reasons = tuple(dict.fromkeys((*motion, *operator, *self._emission_reasons(now_ns))))
        return Verdict(not reasons, not motion, reasons)

    def _motion_reasons(self, now_ns: int) -> list[ReasonCode]:
        if self._stop_pending:
            self._stop_pending, self._stop_shown_ns = False, now_ns
        drivers = [seen.fresh(self._parameters.driver_timeout_s, now_ns) for seen in (self._gimbal, self._laser)]
        inhibits = {
            ReasonCode.SOFTWARE_STOP: self.stop_reason is not None or self._shown(self._stop_shown_ns, now_ns),
            ReasonCode.ESTOP_PRESSED: self.estop is Estop.PRESSED,
            ReasonCode.ESTOP_UNREADABLE: self.estop is Estop.UNREADABLE,
            ReasonCode.NOT_READY: self.estop is Estop.UNKNOWN,
            ReasonCode.DRIVER_SILENT: None in drivers,
            ReasonCode.SECOND_PUBLISHER: self._foreign_commands,
        }
        return [reason for reason, holds in inhibits.items() if holds]

    def _emission_reasons(self, now_ns: int) -> list[ReasonCode]:
        parameters = self._parameters
        gimbal, pose = self._gimbal.last, self._pose.fresh(parameters.pose_timeout_s, now_ns)
        laser = self._laser.last
        hardware = laser is not None and laser.hardware
        play = laser is not None and laser.class2_play
        if play and now_ns - self._confirmed_ns >= _CONFIRMED_NS:
            self._confirmed = None
        inhibits = {
            ReasonCode.NOT_HOMED: not self._homed(gimbal),
            ReasonCode.NO_POSE: pose is None,
            ReasonCode.NO_FIRE_ZONE: not self._clear_of_zones(gimbal, pose),
            ReasonCode.VISION_STALE: (
                self.auto_fire and self._image.fresh(parameters.vision_timeout_s, now_ns) is None),
            ReasonCode.SECOND_PUBLISHER: self._second_publisher(now_ns),
            ReasonCode.CLOCK_JUMPED: self._shown(self._clock_jump_ns, now_ns),
            ReasonCode.BACKEND_MIXED: hardware and not self._all_hardware(gimbal, now_ns),
            ReasonCode.REGION_NOT_CONFIRMED: (
                (hardware or play or parameters.confirm_region_in_simulation) and not self.region_confirmed),
            ReasonCode.NO_FLOOR_REGION: play and not self._zones_on_floor(),
            ReasonCode.BEAM_STILL: play and laser is not None and laser.ready and self._beam_still(now_ns),
        }
        people = self._exclusion.reasons(self._beam(gimbal, pose), now_ns)
        return [reason for reason, holds in inhibits.items() if holds] + (people if self.exclusion_required else [])

    def _beam(self, gimbal: GimbalReport | None, pose: Pose | None) -> Beam | None:
        if gimbal is None or pose is None or self._aim is None:
            return None
        along = base_from_head(pose.pan, pose.tilt) @ direction(self._aim.boresight)
        return Beam(bearing_of(along), reach(*_motions(pose, gimbal), self._parameters.reaction_s))

    def _zones_on_floor(self) -> bool:
        up = self._aim.boresight.elevation if self._aim is not None else math.nan
        return lie_below(self.zones, self._parameters.floor_tilt_max - up)

    def _beam_still(self, now_ns: int) -> bool:
        recent = [pose for at_ns, pose in self._poses if at_ns > now_ns - _STILL_NS]
        if not recent:
            return True
        pans, tilts = [pose.pan for pose in recent], [pose.tilt for pose in recent]
        across = (max(pans) - min(pans)) * math.cos(tilts[-1])
        return math.hypot(across, max(tilts) - min(tilts)) < _STILL_ANGLE

    def _clear_of_zones(self, gimbal: GimbalReport | None, pose: Pose | None) -> bool:
        if gimbal is None or pose is None:
            return not self.zones
        margin = self._parameters.zone_margin * (1.0 if gimbal.measured else 2.0)
        return may_fire(self.zones, *_motions(pose, gimbal), margin, self._parameters.reaction_s)

    def _second_publisher(self, now_ns: int) -> bool:
        return (bool(self._foreign_publishers) or self._shown(self._foreign_message_ns, now_ns)
                or any(now_ns - since >= _DUPLICATE_NS for since in self._duplicates_since.values()))

    def _all_hardware(self, gimbal: GimbalReport | None, now_ns: int) -> bool:
        return (self._parameters.estop_driver == 'gpio' and gimbal is not None and gimbal.hardware
                and (camera := self._camera.fresh(_CAMERA_TIMEOUT_S, now_ns)) is not None and camera.hardware)

    def _homed(self, gimbal: GimbalReport | None) -> bool:
        """Return whether the position of the head is known."""
        return (gimbal is not None and gimbal.homed and self.estop not in _OPEN and not self._void_next_home
                and gimbal.home_id != self._void_home)

    def _geometry(self) -> tuple[object, ...] | None:
        gimbal = self._gimbal.last
        if gimbal is None or not self._homed(gimbal):
            return None
        laser = (*self._aim.boresight, *self._aim.geometry) if self._aim is not None else ()
        return tuple(map(repr, (*gimbal.home_id, *gimbal.geometry, *laser)))  # as text, in which NaN equals itself

    def _void_changed_region(self) -> None:
        if self._confirmed != self._geometry():
            self._confirmed = None

    def _end_auto_fire(self) -> None:
        self.auto_fire = False
        self.not_now = ''
        self._aimed = ('', 0, 0)

    @staticmethod
    def _shown(since_ns: int | None, now_ns: int) -> bool:
        return since_ns is not None and now_ns - since_ns < _SHOWN_NS


def _motions(pose: Pose, gimbal: GimbalReport) -> tuple[Motion, Motion]:
    return (Motion(pose.pan, pose.pan_rate, gimbal.decelerations[0]),
            Motion(pose.tilt, pose.tilt_rate, gimbal.decelerations[1]))
