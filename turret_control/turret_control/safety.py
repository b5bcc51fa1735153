"""What is permitted now, and why not more: the decisions of the safety node.

What other nodes say arrives through the ``see_`` methods with the time of its receipt, what people ask through the
others; :meth:`SafetyCore.decide` weighs it. All times are CLOCK_MONOTONIC of this host in ns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from turret_common.errors import TurretError
from turret_common.finite import require_finite
from turret_common.pose_history import Pose
from turret_common.reason_codes import ReasonCode
from turret_control.lease import OperatorLease
from turret_control.safety_parameters import SafetyParameters
from turret_control.zones import Motion, Zone, check_zones, may_fire

_SECOND_NS = 1_000_000_000
#: A camera that is silent for longer does not vouch for a hardware laser.
_CAMERA_TIMEOUT_S = 3.0
#: What happens in an instant is shown for this long, so that a lost permit does not hide it.
_SHOWN_NS = _SECOND_NS
_CLOCK_STEP_NS = 50_000_000
#: Stamps may lie this far in the future, in s: clocks are read one after the other.
_STAMP_AGE_MIN_S = -0.01
#: DDS forgets a killed node only after 20 s; until then its successor has a namesake.
_NAMESAKE_NS = 25 * _SECOND_NS
_STOP_REASON_LENGTH_MAX = 200

SeenT = TypeVar('SeenT')


class Estop(IntEnum):
    """The constants ``ESTOP_*`` of ``SafetyState.msg``."""

    UNKNOWN = 0
    NONE = 1
    RELEASED = 2
    PRESSED = 3
    UNREADABLE = 4


class GimbalReport(NamedTuple):
    """What the gimbal says of itself.

    Attributes:
        hardware: its motors are real.
        homed: both axes have a reference.
        measured: both positions are measured, not counted or assumed.
        decelerations: that pan and tilt brake with, in rad/s^2.
        geometry: what a confirmed region depends on: power-up, home and limits.
    """

    hardware: bool
    homed: bool
    measured: bool
    decelerations: tuple[float, float]
    geometry: tuple[float, ...]


class LaserReport(NamedTuple):
    """What the laser says of itself: whether it is real, and whether it is armed, arming included."""

    hardware: bool
    armed: bool


class AimReport(NamedTuple):
    """What the controller says of its aim.

    Attributes:
        following: the head itself follows a target, rather than a mark on the screen.
        settled: the aiming error has been below the controller's threshold for its settling time.
        geometry: where the laser looks relative to the camera.
    """

    following: bool
    settled: bool
    geometry: tuple[float, ...]


class Verdict(NamedTuple):
    """What is permitted, and the reasons of everything that is withheld."""

    laser_ok: bool
    motion_ok: bool
    reasons: tuple[ReasonCode, ...]


class _Seen(Generic[SeenT]):
    """Something that was seen at a time, or never."""

    def __init__(self) -> None:
        self.last: SeenT | None = None
        self._ns = 0

    def see(self, what: SeenT | None, at_ns: int) -> None:
        """Take what is seen now."""
        self.last, self._ns = what, at_ns

    def fresh(self, timeout_s: float, now_ns: int) -> SeenT | None:
        """Return it; None when it was never seen, or too long ago."""
        return self.last if now_ns - self._ns < timeout_s * 1e9 else None


class SafetyCore:
    """Weighs everything that permits or forbids motion and emission.

    Attributes:
        lease: the operator's.
        zones: in force.
        stop_reason: why everything was stopped; None = it is not.
        auto_fire: automatic fire is on.
        not_now: why automatic fire last did not fire; empty when it did, or is off.
        estop: the emergency-stop input.
    """

    def __init__(
            self, parameters: SafetyParameters, lease: OperatorLease, zones: Sequence[Zone] = (),
            stop_reason: str | None = None) -> None:
        self._parameters = parameters
        self.lease = lease
        self.zones = tuple(zones)
        self.stop_reason = stop_reason
        self.auto_fire = False
        self.not_now = ''
        self.estop = Estop.NONE if parameters.estop_driver == 'none' else Estop.UNKNOWN
        self._gimbal: _Seen[GimbalReport] = _Seen()
        self._laser: _Seen[LaserReport] = _Seen()
        self._real_camera: _Seen[bool] = _Seen()
        self._pose: _Seen[Pose] = _Seen()
        self._image: _Seen[bool] = _Seen()
        self._aim: AimReport | None = None
        self._confirmed: tuple[object, ...] | None = None
        self._clock_offset_ns: int | None = None
        self._clock_jump_ns: int | None = None
        self._foreign_permit_ns: int | None = None
        self._strangers: frozenset[str] = frozenset()
        self._namesakes_since: dict[str, int] = {}
        self._fire_seq: int | None = None

    # What others say

    def see_gimbal(self, report: GimbalReport, now_ns: int) -> None:
        """Take the gimbal's state."""
        self._gimbal.see(report, now_ns)
        self._void_changed_region()

    def see_laser(self, report: LaserReport, now_ns: int) -> None:
        """Take the laser's state; automatic fire ends with its arm."""
        self._laser.see(report, now_ns)
        if not report.armed:
            self._end_auto_fire()

    def see_camera(self, hardware: bool, now_ns: int) -> None:
        """Take whether the images are live light from the real world."""
        self._real_camera.see(hardware, now_ns)

    def see_aim(self, report: AimReport) -> None:
        """Take the controller's state."""
        self._aim = report
        self._void_changed_region()

    def see_pose(self, pose: Pose, stamp_age_s: float, now_ns: int) -> None:
        """Take the pose measured so long ago; one that is not finite, or from the future, is none."""
        known = all(map(math.isfinite, pose)) and stamp_age_s >= _STAMP_AGE_MIN_S
        self._pose.see(pose if known else None, now_ns - round(stamp_age_s * 1e9))

    def see_tracks(self, stamp_age_s: float, now_ns: int) -> None:
        """Take the age of the image that the newest tracks come from; one from the future is refused."""
        if stamp_age_s >= _STAMP_AGE_MIN_S:
            self._image.see(True, now_ns - round(stamp_age_s * 1e9))

    def see_clock(self, offset_ns: int, now_ns: int) -> None:
        """Take the wall clock's present offset from the monotonic clock."""
        if self._clock_offset_ns is not None and abs(offset_ns - self._clock_offset_ns) > _CLOCK_STEP_NS:
            self._clock_jump_ns = now_ns
        self._clock_offset_ns = offset_ns

    def see_foreign_permit(self, now_ns: int) -> None:
        """Take that somebody else issues permits."""
        self._foreign_permit_ns = now_ns

    def see_publishers(self, nodes: Mapping[str, Sequence[str]], now_ns: int) -> None:
        """Take the full names of the nodes that publish each topic that has one owner.

        Two names are two publishers. One name twice may be a node that was killed and its successor, for a while.
        """
        self._strangers = frozenset(topic for topic, names in nodes.items() if len(set(names)) > 1)
        namesakes = {topic for topic, names in nodes.items() if len(names) > len(set(names))}
        self._namesakes_since = {topic: self._namesakes_since.get(topic, now_ns) for topic in namesakes}

    # What people ask

    def stop(self, reason: str) -> None:
        """Withdraw everything until :meth:`reset`. Anybody may."""
        text = ''.join(c if c.isprintable() else ' ' for c in reason[:_STOP_REASON_LENGTH_MAX]).strip()
        self.stop_reason = text or 'no reason given'
        self._end_auto_fire()

    def reset(self, lease_id: str) -> None:
        """Clear the software stop; nothing starts or arms by that. Raises as :meth:`OperatorLease.check`."""
        self.lease.check(lease_id)
        self.stop_reason = None

    def acquire(self, secret: str, name: str, take_over: bool, now_ns: int) -> tuple[str, str]:
        """Change the operator. Raises and returns as :meth:`OperatorLease.acquire`."""
        granted = self.lease.acquire(secret, name, take_over, now_ns)
        self._end_auto_fire()
        return granted

    def release(self, lease_id: str) -> None:
        """Leave the turret without an operator. Raises as :meth:`OperatorLease.check`."""
        self.lease.release(lease_id)
        self._end_auto_fire()

    def set_zones(self, lease_id: str, zones: Sequence[Zone]) -> None:
        """Replace all zones and void a confirmed region.

        Raises:
            TurretError: as :meth:`OperatorLease.check` and :func:`check_zones`; WRONG_MODE while the laser is armed.
        """
        self.lease.check(lease_id)
        if self._laser.last is not None and self._laser.last.armed:
            raise TurretError(ReasonCode.WRONG_MODE, 'disarm the laser before changing zones')
        check_zones(zones)
        self.zones = tuple(zones)
        self._confirmed = None

    def confirm_region(self, lease_id: str, now_ns: int) -> None:
        """Take the operator's word that the region that the zones leave is safe, for the present geometry.

        Raises:
            TurretError: as :meth:`OperatorLease.check`; DRIVER_SILENT or NOT_HOMED while there is no geometry.
        """
        self.lease.check(lease_id)
        gimbal = self._gimbal.fresh(self._parameters.driver_timeout_s, now_ns)
        if gimbal is None:
            raise TurretError(ReasonCode.DRIVER_SILENT, 'the gimbal does not report')
        if not gimbal.homed:
            raise TurretError(ReasonCode.NOT_HOMED, 'home the gimbal before confirming the region')
        self._confirmed = self._geometry()

    @property
    def region_confirmed(self) -> bool:
        """Whether the operator confirmed the region since the geometry last changed."""
        return self._confirmed is not None

    def set_auto_fire(self, lease_id: str, enabled: bool, now_ns: int) -> None:
        """Switch automatic fire.

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

    def request_fire(self, seq: int, stamp_age_s: float, aim_error: float, now_ns: int) -> None:
        """Accept the controller's wish to fire one burst now.

        Args:
            seq: of the decision; each is granted at most once.
            stamp_age_s: age of the image that it rests on.
            aim_error: predicted for the moment of fire, in rad.
            now_ns: time of receipt.

        Raises:
            TurretError: why not now; also kept in ``not_now``.
        """
        try:
            self._check_fire(seq, stamp_age_s, aim_error, now_ns)
        except TurretError as error:
            self.not_now = error.message if self.auto_fire else ''
            raise
        self._fire_seq = seq
        self.not_now = ''

    def _check_fire(self, seq: int, stamp_age_s: float, aim_error: float, now_ns: int) -> None:
        require_finite(stamp_age_s=stamp_age_s, aim_error=aim_error)
        if not self.auto_fire:
            raise TurretError(ReasonCode.WRONG_MODE, 'automatic fire is off')
        if seq == self._fire_seq:
            raise TurretError(ReasonCode.BUSY, 'this decision was granted already')
        if not _STAMP_AGE_MIN_S <= stamp_age_s <= self._parameters.vision_timeout_s:
            raise TurretError(ReasonCode.STALE_INPUT, f'the image is {stamp_age_s:.3f} s old')
        if self._aim is None or not self._aim.following:
            raise TurretError(ReasonCode.WRONG_MODE, 'the head does not follow a target')
        if not self._aim.settled or not 0.0 <= aim_error <= self._parameters.aim_error_max:
            raise TurretError(ReasonCode.NOT_READY, f'the aim is off by {math.degrees(aim_error):.2f} deg')
        verdict = self.decide(now_ns)
        if not verdict.laser_ok:
            raise TurretError(verdict.reasons[0], f'emission is withheld: {verdict.reasons[0].name}')

    # What follows

    def decide(self, now_ns: int) -> Verdict:
        """Return what is permitted now."""
        self.lease.expire(now_ns)
        motion = self._motion_reasons(now_ns)
        operator = self.lease.reasons(now_ns)
        if motion or operator:
            self._end_auto_fire()
        reasons = (*motion, *operator, *self._emission_reasons(now_ns))
        return Verdict(not reasons, not motion, reasons)

    def _motion_reasons(self, now_ns: int) -> list[ReasonCode]:
        drivers = [seen.fresh(self._parameters.driver_timeout_s, now_ns) for seen in (self._gimbal, self._laser)]
        withheld = {
            ReasonCode.SOFTWARE_STOP: self.stop_reason is not None,
            ReasonCode.ESTOP_PRESSED: self.estop is Estop.PRESSED,
            ReasonCode.ESTOP_UNREADABLE: self.estop in (Estop.UNKNOWN, Estop.UNREADABLE),
            ReasonCode.DRIVER_SILENT: None in drivers,
        }
        return [reason for reason, holds in withheld.items() if holds]

    def _emission_reasons(self, now_ns: int) -> list[ReasonCode]:
        parameters = self._parameters
        gimbal, pose = self._gimbal.last, self._pose.fresh(parameters.pose_timeout_s, now_ns)
        hardware = self._laser.last is not None and self._laser.last.hardware
        withheld = {
            ReasonCode.NOT_HOMED: gimbal is None or not gimbal.homed,
            ReasonCode.NO_POSE: pose is None,
            ReasonCode.NO_FIRE_ZONE: not self._clear_of_zones(gimbal, pose),
            ReasonCode.VISION_STALE: (
                self.auto_fire and self._image.fresh(parameters.vision_timeout_s, now_ns) is None),
            ReasonCode.SECOND_PUBLISHER: self._second_publisher(now_ns),
            ReasonCode.CLOCK_JUMPED: self._shown(self._clock_jump_ns, now_ns),
            ReasonCode.BACKEND_MIXED: hardware and not self._live_throughout(gimbal, now_ns),
            ReasonCode.REGION_NOT_CONFIRMED: (
                (hardware or parameters.confirm_region_in_simulation) and not self.region_confirmed),
        }
        return [reason for reason, holds in withheld.items() if holds]

    def _clear_of_zones(self, gimbal: GimbalReport | None, pose: Pose | None) -> bool:
        if gimbal is None or pose is None:
            return not self.zones
        margin = self._parameters.zone_margin * (1.0 if gimbal.measured else 2.0)
        pan = Motion(pose.pan, pose.pan_rate, gimbal.decelerations[0])
        tilt = Motion(pose.tilt, pose.tilt_rate, gimbal.decelerations[1])
        return may_fire(self.zones, pan, tilt, margin, self._parameters.reaction_s)

    def _second_publisher(self, now_ns: int) -> bool:
        return (bool(self._strangers) or self._shown(self._foreign_permit_ns, now_ns)
                or any(now_ns - since >= _NAMESAKE_NS for since in self._namesakes_since.values()))

    def _live_throughout(self, gimbal: GimbalReport | None, now_ns: int) -> bool:
        return (self._parameters.estop_driver == 'gpio' and gimbal is not None and gimbal.hardware
                and self._real_camera.fresh(_CAMERA_TIMEOUT_S, now_ns) is True)

    def _geometry(self) -> tuple[object, ...] | None:
        gimbal = self._gimbal.last
        if gimbal is None or not gimbal.homed:
            return None
        laser = self._aim.geometry if self._aim is not None else ()
        return tuple(map(repr, (*gimbal.geometry, *laser)))  # as text, in which NaN equals itself

    def _void_changed_region(self) -> None:
        if self._confirmed != self._geometry():
            self._confirmed = None

    def _end_auto_fire(self) -> None:
        self.auto_fire = False
        self.not_now = ''

    @staticmethod
    def _shown(since_ns: int | None, now_ns: int) -> bool:
        return since_ns is not None and now_ns - since_ns < _SHOWN_NS
