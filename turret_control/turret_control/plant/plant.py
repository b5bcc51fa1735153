# SPDX-License-Identifier: Apache-2.0
"""The simulated hardware: a head on two motors with switches, pins that keep their level, and a world to look at.

It is mechanics only, with time as an argument: no socket, no thread, no clock. The process around it is
``plant_server.py``; a benchmark may step one directly::

    plant = Plant(PlantParameters(), start_ns=0)
    plant.enable(True)
    plant.command('velocity', pan_rate=0.5)
    plant.step(1_000_000_000)          # ns
    plant.read().pan                   # counted rad, from an unknown zero
    plant.truth(950_000_000).pan       # true rad, up to a second back

What the turret counts is not where the head is: the counter starts anywhere, commands act late, the head lags behind
its motor and has backlash, its axes lean. How much of that differs from the configuration is :class:`Hidden`.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from turret_common.errors import TurretError
from turret_common.pose_history import Pose, PoseHistory
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_finite, require_range
from turret_control.devices.motion_profile import AxisMotion, MotionProfile, stand_still
from turret_control.plant_parameters import PlantAxis, PlantParameters
from turret_control.scenario import Obstacle, Scenario, TargetState, make_scenario

STEP_NS = 1_000_000
_STEP_S = 1e-9 * STEP_NS
_HISTORY_S = 1.2
_EXTRAPOLATE_S = 0.05
_FAR = 1e4  # rad; the target of a motion that has no end of its own

_SCENARIO_FIELDS = ('scenario', 'scenario_seed', 'scenario_amplitude', 'scenario_rate')

_Vector = tuple[float, float, float]
_Order = tuple[float, float, float | None]  # target, speed, acceleration (None = the motor's own)


@dataclasses.dataclass(frozen=True)
class Hidden:
    """What is otherwise than configured. Zero everywhere is hardware exactly as configured.

    Attributes:
        delay_s: added to the actuation delay.
        backlash: backlash of each axis [rad].
        lean: of the pan axis about x and y [rad].
        skew: of the tilt axis from the right angle to the pan axis [rad].
        camera_roll: of the camera about its line of sight, positive clockwise as seen from behind [rad].
        distortion: of the lens: k1, k2, p1, p2, k3.
        beam: azimuth and elevation of the laser beam relative to the line of sight [rad].
        laser_at: left and up of the middle of the head, where the beam starts [m].
    """

    delay_s: float = 0.0
    backlash: float = 0.0
    lean: tuple[float, float] = (0.0, 0.0)
    skew: float = 0.0
    camera_roll: float = 0.0
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    beam: tuple[float, float] = (0.0, 0.0)
    laser_at: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def seeded(cls, seed: int, scale: float) -> Hidden:
        """Return differences drawn from ``seed``, at most those of a carelessly built turret times ``scale``."""
        rng = random.Random(seed)

        def spread(most: float) -> float:
            return scale * rng.uniform(-most, most)

        return cls(
            delay_s=spread(0.020), backlash=abs(spread(0.006)), lean=(spread(0.02), spread(0.02)), skew=spread(0.01),
            camera_roll=spread(0.02), distortion=(spread(0.15), spread(0.03), spread(0.002), spread(0.002), 0.0),
            beam=(spread(0.02), spread(0.02)), laser_at=(spread(0.04), spread(0.04)))


class Pin:
    """An output line. It keeps its level until another one is set, as a Raspberry Pi's does.

    Attributes:
        level: 0 (low) to 1 (high); in between is a duty cycle.
        since_ns: when it took this level.
        edges: how often it went from low to not low or back.
        last_on_ns, last_off_ns: when it last did either; None = never.
    """

    def __init__(self, now_ns: int) -> None:
        self.level = 0.0
        self.since_ns = now_ns
        self.edges = 0
        self.last_on_ns: int | None = None
        self.last_off_ns: int | None = None
        self._changes: deque[tuple[int, float]] = deque([(now_ns, 0.0)], maxlen=256)

    def set(self, level: float, now_ns: int) -> None:
        """Set the level."""
        if level == self.level:
            return
        if (level > 0.0) != (self.level > 0.0):
            self.edges += 1
            if level > 0.0:
                self.last_on_ns = now_ns
            else:
                self.last_off_ns = now_ns
        self.level, self.since_ns = level, now_ns
        self._changes.append((now_ns, level))

    def at(self, t_ns: int) -> float:
        """Return the level at an instant, that of the oldest change known for anything before it."""
        return next((level for since, level in reversed(self._changes) if since <= t_ns), self._changes[0][1])


class AxisReading(NamedTuple):
    """What a driver can know of one axis: counted position [rad] and rate [rad/s], and its switches."""

    position: float
    rate: float
    lower: bool
    upper: bool
    home: bool


class Reading(NamedTuple):
    """What drivers can know at ``t_ns``."""

    t_ns: int
    pan: AxisReading
    tilt: AxisReading
    enabled: bool


class Truth(NamedTuple):
    """What is true at ``t_ns``: the line of sight [rad, rad/s], the beam, targets and pins.

    The beam's direction is in rad, and so is where it lands, or would land, seen from the middle of the head, with the
    distance from there in m.
    """

    t_ns: int
    pan: float
    tilt: float
    pan_rate: float
    tilt_rate: float
    roll: float
    beam_azimuth: float
    beam_elevation: float
    spot_azimuth: float
    spot_elevation: float
    spot_range: float
    laser: float
    indicator: float
    enabled: bool
    targets: list[TargetState]


class _Axis:
    """A motor with a counter, and the head hanging on it."""

    def __init__(self, config: PlantAxis, backlash: float, count_at_start: float) -> None:
        self._config = config
        self._play = 0.5 * backlash
        self._follow = 1.0 if config.lag_s == 0.0 else 1.0 - math.exp(-_STEP_S / config.lag_s)
        self._zero = count_at_start - config.start  # what the counter shows at true zero
        self._driven = config.start
        self._profile = MotionProfile(count_at_start)
        self._motion = stand_still(config.acceleration)
        self.head = config.start
        self.head_rate = 0.0

    def command(self, target: float, speed: float, acceleration: float | None) -> None:
        most = self._config.acceleration
        self._motion = AxisMotion(
            target, min(speed, self._config.max_velocity), most if acceleration is None else min(acceleration, most))

    def release(self) -> None:
        """Take the current away: the motor stops where it is."""
        self._motion = stand_still(self._config.acceleration)
        self._profile.velocity = 0.0

    def brake(self) -> None:
        self._motion = stand_still(self._motion.acceleration)

    def push(self, angle: float) -> None:
        """Turn the head by hand; the counter does not see it."""
        self._zero -= angle
        self._driven += angle

    def step(self) -> None:
        profile, config = self._profile, self._config
        profile.advance(self._motion, _STEP_S)
        motor = profile.position - self._zero
        stop = max(config.lower_switch - config.overtravel, min(config.upper_switch + config.overtravel, motor))
        if motor != stop:  # steps are lost at a hard stop: the counter runs on
            self._zero += motor - stop
            motor = stop
        self._driven = max(motor - self._play, min(motor + self._play, self._driven))
        move = self._follow * (self._driven - self.head)
        self.head += move
        self.head_rate = move / _STEP_S

    def read(self) -> AxisReading:
        profile, config = self._profile, self._config
        return AxisReading(
            profile.position, profile.velocity, self.head <= config.lower_switch, self.head >= config.upper_switch,
            self.head >= 0.0)


class Plant:
    """The simulated hardware. Not for several threads at once.

    Attributes:
        hidden: what is otherwise than configured.
        pins: output lines by name.
        estop: the emergency-stop input is pressed.
    """

    def __init__(self, config: PlantParameters, start_ns: int, hidden: Hidden | None = None) -> None:
        """Power it up at ``start_ns``. ``hidden`` is drawn from the configured seed unless given."""
        self.config = config
        self.hidden = Hidden.seeded(config.hidden_seed, config.hidden_scale) if hidden is None else hidden
        rng = random.Random(config.hidden_seed)
        self._pan = _Axis(config.pan, self.hidden.backlash, rng.uniform(-0.5, 0.5))
        self._tilt = _Axis(config.tilt, self.hidden.backlash, rng.uniform(-0.5, 0.5))
        self._delay_ns = max(0, round(1e9 * (config.actuation_delay_s + self.hidden.delay_s)))
        self._pending: deque[tuple[int, float, _Order, _Order]] = deque()
        self._until_ns = math.inf
        self._t_ns = self._start_ns = start_ns
        self._history = PoseHistory(_HISTORY_S, _EXTRAPOLATE_S)
        self._remember()
        self.enabled = False
        self.estop = False
        self.pins = {name: Pin(start_ns) for name in ('laser', 'indicator')}
        self.set_scenario(config)

    @property
    def t_ns(self) -> int:
        """The instant up to which everything has happened; at most :data:`STEP_NS` behind the last :meth:`step`."""
        return self._t_ns

    def step(self, now_ns: int) -> None:
        """Let time pass, in whole steps, until ``now_ns``."""
        while self._t_ns + STEP_NS <= now_ns:
            self._t_ns += STEP_NS
            while self._pending and self._pending[0][0] <= self._t_ns:
                _, self._until_ns, pan, tilt = self._pending.popleft()
                self._pan.command(*pan)
                self._tilt.command(*tilt)
            if self._t_ns >= self._until_ns:
                self._pan.brake()
                self._tilt.brake()
            self._pan.step()
            self._tilt.step()
            self._remember()

    def command(
            self, mode: str, pan: float = 0.0, tilt: float = 0.0,
            pan_rate: float = 0.0, tilt_rate: float = 0.0,
            pan_acceleration: float | None = None, tilt_acceleration: float | None = None,
            until_ns: int | None = None) -> None:
        """Give the motors a command, on which they act after the actuation delay; without power they do not.

        Mode "stop" needs no more. Mode "velocity" turns at ``pan_rate`` and ``tilt_rate`` [rad/s]. Mode "position" goes
        to the counted ``pan`` and ``tilt`` [rad], no faster than these rates. Accelerations [rad/s^2] are the motors'
        own unless lower ones are given. From ``until_ns`` on the motors brake, as late as they act on commands; without
        it the motion does not end by itself.

        Raises:
            TurretError: a number is not finite, an acceleration not positive or the mode unknown; nothing has changed.
        """
        require_finite(pan=pan, tilt=tilt, pan_rate=pan_rate, tilt_rate=tilt_rate)
        for name, acceleration in (('pan_acceleration', pan_acceleration), ('tilt_acceleration', tilt_acceleration)):
            if acceleration is not None:
                require_range(name, acceleration, 1e-3, math.inf)
        if mode == 'stop':
            pan_rate = tilt_rate = 0.0
        elif mode == 'velocity':
            pan, tilt = math.copysign(_FAR, pan_rate), math.copysign(_FAR, tilt_rate)
        elif mode != 'position':
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'mode "{mode}" is none of stop, velocity, position')
        if self.enabled:
            self._pending.append((
                self._t_ns + self._delay_ns, math.inf if until_ns is None else until_ns + self._delay_ns,
                (pan, abs(pan_rate), pan_acceleration), (tilt, abs(tilt_rate), tilt_acceleration)))

    def enable(self, on: bool) -> None:
        """Switch the motors' current."""
        self.enabled = on
        if not on:
            self._pending.clear()
            self._pan.release()
            self._tilt.release()

    def set_pin(self, name: str, level: float, now_ns: int) -> None:
        """Set an output line, which keeps its level from then on.

        Raises:
            TurretError: the level is not within 0 to 1.
        """
        require_range('level', level, 0.0, 1.0)
        if name not in self.pins:
            self.pins[name] = Pin(now_ns)
        self.pins[name].set(level, now_ns)

    def configure(self, config: PlantParameters) -> None:
        """Take live parameters; a scenario that they change starts from its beginning."""
        before, self.config = self.config, config
        if any(getattr(before, name) != getattr(config, name) for name in _SCENARIO_FIELDS):
            self.set_scenario(config)

    def set_scenario(self, config: PlantParameters) -> None:
        """Start the scenario that the parameters describe, from its beginning."""
        self.scenario: Scenario = make_scenario(
            config.scenario, config.scenario_seed, config.scenario_amplitude, config.scenario_rate)
        self.config = config
        self._scenario_ns = self._t_ns

    def push(self, pan: float, tilt: float) -> None:
        """Turn the head by hand by these angles [rad]; the counters do not see it."""
        require_finite(pan=pan, tilt=tilt)
        self._pan.push(pan)
        self._tilt.push(tilt)

    def read(self) -> Reading:
        """Return what drivers can know now."""
        return Reading(self._t_ns, self._pan.read(), self._tilt.read(), self.enabled)

    def truth(self, t_ns: int | None = None) -> Truth:
        """Return what is true now, or at an instant up to a second ago (or 50 ms ahead, by the present rates).

        Raises:
            TurretError: OUT_OF_RANGE, no pose is known for that instant.
        """
        t_ns = self._t_ns if t_ns is None else t_ns
        pose = self._history.at(self._seconds(t_ns))
        if pose is None:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'no pose is known {1e-9 * (self._t_ns - t_ns):.3f} s ago')
        forward, left = self._to_base(pose, (1.0, 0.0, 0.0)), self._to_base(pose, (0.0, 1.0, 0.0))
        up = _cross(forward, left)
        pan, tilt = _bearing(forward)
        roll = math.atan2(left[2], up[2])  # left is as high as sin(roll) cos(tilt), up as cos(roll) cos(tilt)
        ba, be = self.hidden.beam
        beam = _combined(
            (math.cos(be) * math.cos(ba), forward), (math.cos(be) * math.sin(ba), left), (math.sin(be), up))
        y, z = self.hidden.laser_at
        targets = self.scenario.targets(1e-9 * (t_ns - self._scenario_ns))
        spot, spot_range = self._landing(_combined((y, left), (z, up)), beam, targets)
        return Truth(
            t_ns, pan, tilt, pose.pan_rate, pose.tilt_rate, roll, *_bearing(beam), *_bearing(spot), spot_range,
            self.pins['laser'].at(t_ns), self.pins['indicator'].at(t_ns), self.enabled, targets)

    def _landing(self, origin: _Vector, beam: _Vector, targets: list[TargetState]) -> tuple[_Vector, float]:
        """Return where the beam lands, from the middle of the head, and how far that is [m]."""
        along = sum(a * b for a, b in zip(origin, beam, strict=True))
        off2 = sum(a * a for a in origin) - along * along
        things: list[TargetState | Obstacle] = [*(t for t in targets if t.visible), *self.scenario.obstacles]
        for thing in sorted(things, key=lambda t: t.range):
            spot = _combined((1.0, origin), (math.sqrt(thing.range**2 - off2) - along, beam))
            azimuth, elevation = _bearing(spot)
            if (abs(azimuth - thing.azimuth) <= 0.5 * thing.width_m / thing.range
                    and abs(elevation - thing.elevation) <= 0.5 * thing.height_m / thing.range):
                return spot, thing.range
        reach = self.config.wall_range
        return _combined((1.0, origin), (math.sqrt(reach * reach - off2) - along, beam)), reach

    def scene(self, t_ns: int, mount: str = 'head') -> dict[str, Any]:
        """Return what a camera on the head, or on the base, needs to draw the world at an instant, as plain data.

        Keys: ``pan``, ``tilt`` (true line of sight), ``pan_rate``, ``tilt_rate``, ``camera`` {``horizontal_fov``,
        ``distortion``, ``roll``}, ``targets``, ``occluders``, ``laser`` {``on``, ``power``, and where the beam lands:
        ``azimuth``, ``elevation``, ``range``}, all as the camera sees it. Angles in rad; ``roll`` is about the line of
        sight, positive clockwise as seen from behind the camera. Errors as :meth:`truth`.
        """
        truth = self.truth(t_ns)
        scene: dict[str, Any] = {
            'pan': truth.pan, 'tilt': truth.tilt, 'pan_rate': truth.pan_rate, 'tilt_rate': truth.tilt_rate,
            'camera': {
                'horizontal_fov': self.config.camera_horizontal_fov, 'distortion': self.hidden.distortion,
                'roll': truth.roll + self.hidden.camera_roll},
            'targets': [target._asdict() for target in truth.targets],
            'occluders': [dataclasses.asdict(obstacle) for obstacle in self.scenario.obstacles],
            'laser': {
                'on': truth.laser > 0.0, 'power': truth.laser, 'range': truth.spot_range,
                'azimuth': truth.spot_azimuth, 'elevation': truth.spot_elevation},
        }
        if mount == 'base':
            scene |= {'pan': 0.0, 'tilt': 0.0, 'pan_rate': 0.0, 'tilt_rate': 0.0}
            scene['camera']['roll'] = self.hidden.camera_roll
            for thing in (*scene['targets'], *scene['occluders'], scene['laser']):
                self._move_to_base_camera(thing)
        return scene

    def _move_to_base_camera(self, thing: dict[str, Any]) -> None:
        """Change bearing and range of something from those seen from the middle of the head to those from the base."""
        azimuth, elevation, reach = thing['azimuth'], thing['elevation'], thing['range']
        level = reach * math.cos(elevation)
        place = level * math.cos(azimuth), level * math.sin(azimuth), reach * math.sin(elevation)
        from_camera = _combined((1.0, place), (-1.0, self.config.base_camera))
        thing['azimuth'], thing['elevation'] = _bearing(from_camera)
        thing['range'] = math.sqrt(sum(value * value for value in from_camera))

    def _seconds(self, t_ns: int) -> float:
        return 1e-9 * (t_ns - self._start_ns)

    def _remember(self) -> None:
        self._history.add(
            self._seconds(self._t_ns),
            Pose(self._pan.head, self._tilt.head, self._pan.head_rate, self._tilt.head_rate))

    def _to_base(self, pose: Pose, v: _Vector) -> _Vector:
        x, y, z = v
        x, z = _turned(x, z, pose.tilt)            # tilt: x towards z
        y, z = _turned(y, z, self.hidden.skew)     # the tilt axis leans: y towards z
        x, y = _turned(x, y, pose.pan)             # pan: x towards y
        y, z = _turned(y, z, self.hidden.lean[0])  # the pan axis leans: y towards z
        z, x = _turned(z, x, self.hidden.lean[1])  # and z towards x
        return x, y, z


def _turned(a: float, b: float, angle: float) -> tuple[float, float]:
    c, s = math.cos(angle), math.sin(angle)
    return a * c - b * s, a * s + b * c


def _cross(a: _Vector, b: _Vector) -> _Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _combined(*parts: tuple[float, Sequence[float]]) -> _Vector:
    x, y, z = (sum(share * vector[i] for share, vector in parts) for i in range(3))
    return x, y, z


def _bearing(v: _Vector) -> tuple[float, float]:
    return math.atan2(v[1], v[0]), math.atan2(v[2], math.hypot(v[0], v[1]))
