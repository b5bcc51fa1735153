# SPDX-License-Identifier: Apache-2.0
"""What there is to see in the simulated world: targets on known paths, and what stands in their way.

A scenario is a function of time and nothing else, so any instant can be asked for: the middle of an exposure by the
simulated camera, now by the ground truth.

    >>> tour = make_scenario('tour', seed=1)
    >>> [target.kind for target in tour.targets(0.0)]
    ['balloon', 'cat', 'person']
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import random
from collections.abc import Callable
from typing import NamedTuple

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_DEGREE = math.pi / 180.0
_RATE_STEP_S = 1e-3  # for the difference that gives a path's rate

#: A path: seconds since the start of the scenario to azimuth and elevation in rad.
Path = Callable[[float], tuple[float, float]]


class ScenarioError(TurretError, ValueError):
    """There is no scenario of that name."""


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Something opaque that stands still: bearing of its middle in rad, range and size in m."""

    name: str
    azimuth: float
    elevation: float
    range: float
    width_m: float
    height_m: float

    def hides(self, azimuth: float, elevation: float, range_m: float, width_m: float, height_m: float) -> bool:
        """Return whether a thing at that bearing, range and of that size is wholly behind this one."""
        wide = 0.5 * (self.width_m / self.range - width_m / range_m)
        high = 0.5 * (self.height_m / self.range - height_m / range_m)
        return (self.range < range_m and abs(azimuth - self.azimuth) <= wide
                and abs(elevation - self.elevation) <= high)


class TargetState(NamedTuple):
    """One target at one instant.

    Bearings in rad in ``base_link``, rates in rad/s, range and size in m. ``visible`` is false while an obstacle hides
    all of it; ``hue`` is the color, 0 to 1 around the circle from red.
    """

    name: str
    kind: str
    azimuth: float
    elevation: float
    range: float
    width_m: float
    height_m: float
    hue: float
    azimuth_rate: float
    elevation_rate: float
    visible: bool


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that moves: kind "balloon", "cat" or "person", range and size in m, hue 0 to 1, and its path."""

    name: str
    kind: str
    path: Path
    range: float
    width_m: float
    height_m: float
    hue: float

    def at(self, t: float, obstacles: tuple[Obstacle, ...]) -> TargetState:
        """Return its state ``t`` seconds after the start of the scenario."""
        azimuth, elevation = self.path(t)
        soon = self.path(t + _RATE_STEP_S)
        hidden = any(
            obstacle.hides(azimuth, elevation, self.range, self.width_m, self.height_m) for obstacle in obstacles)
        return TargetState(
            self.name, self.kind, azimuth, elevation, self.range, self.width_m, self.height_m, self.hue,
            (soon[0] - azimuth) / _RATE_STEP_S, (soon[1] - elevation) / _RATE_STEP_S, not hidden)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Targets and obstacles."""

    name: str
    movers: tuple[Target, ...]
    obstacles: tuple[Obstacle, ...] = ()

    def targets(self, t: float) -> list[TargetState]:
        """Return all targets ``t`` seconds after the start of the scenario."""
        return [mover.at(t, self.obstacles) for mover in self.movers]


def balloon(path: Path, name: str = 'balloon', hue: float = 0.0, range_m: float = 3.0) -> Target:
    """Return a balloon of 30 cm."""
    return Target(name, 'balloon', path, range_m, 0.30, 0.36, hue)


def cat(path: Path) -> Target:
    """Return a cat at 3.5 m."""
    return Target('cat', 'cat', path, 3.5, 0.50, 0.34, 0.08)


def person(path: Path) -> Target:
    """Return a person of 1.75 m at 5.5 m."""
    return Target('person', 'person', path, 5.5, 0.50, 1.75, 0.6)


def still(azimuth: float, elevation: float) -> Path:
    """Return the path of something that stays where it is."""
    return lambda _: (azimuth, elevation)


def sine(amplitude: float, peak_rate: float, elevation: float, phase: float = 0.0) -> Path:
    """Return a swing in azimuth with the given amplitude [rad] and maximum rate [rad/s]."""
    omega = peak_rate / amplitude
    return lambda t: (amplitude * math.sin(omega * t + phase), elevation)


def ramp(amplitude: float, rate: float, elevation: float, reversal_s: float = 1.0, phase: float = 0.0) -> Path:
    """Return a path to and fro at a constant rate; its reversals have constant acceleration and last ``reversal_s``.

    Args:
        amplitude: maximum azimuth [rad].
        rate: between the turns [rad/s].
        elevation: rad.
        reversal_s: duration of a reversal; shorter where the amplitude is too small for it.
        phase: seconds by which the path is ahead. At 0 it starts in the middle and goes left.
    """
    reversal_s = min(reversal_s, 2.0 * amplitude / rate)
    straight = amplitude - 0.25 * rate * reversal_s  # a reversal reaches rate * reversal_s / 4 beyond the straight part
    half_s = straight / rate
    period = 4.0 * half_s + 2.0 * reversal_s

    def path(t: float) -> tuple[float, float]:
        u = (t + phase) % period
        sign = 1.0
        if u >= half_s + 0.5 * reversal_s:  # measure from the middle of the other half
            u -= half_s + 0.5 * reversal_s
            leg = 2.0 * half_s + reversal_s
            sign = -1.0 if u < leg else 1.0
            u = u % leg - half_s - 0.5 * reversal_s
        distance = abs(u) - half_s
        azimuth = rate * u
        if distance > 0.0:
            azimuth = math.copysign(straight + rate * distance * (1.0 - distance / reversal_s), u)
        return sign * azimuth, elevation
    return path


def steps(amplitude: float, elevation: float, hold_s: float = 3.0) -> Path:
    """Return a path that jumps between two azimuths, ``amplitude`` [rad] left and right, staying ``hold_s`` at each."""
    return lambda t: (amplitude if int(t // hold_s) % 2 == 0 else -amplitude, elevation)


def bolt(amplitude: float, rate: float, elevation: float, acceleration: float = math.inf, rest_s: float = 3.0) -> Path:
    """Return a path that rests at one end, runs to the other at a constant rate, and rests there, again and again.

    Args:
        amplitude: maximum azimuth [rad].
        rate: of the run [rad/s].
        elevation: rad.
        acceleration: at the start and the end of the run [rad/s^2].
        rest_s: at each end.
    """
    change_s = rate / acceleration
    steady_s = (2.0 * amplitude - rate * change_s) / rate

    def distance(u: float) -> float:
        if u <= change_s:
            return 0.5 * rate * u * u / change_s if change_s else 0.0
        return rate * (0.5 * change_s + min(u - change_s, steady_s))

    def path(t: float) -> tuple[float, float]:
        run, u = divmod(t, rest_s + 2.0 * change_s + steady_s)
        u = max(0.0, u - rest_s)
        left = 2.0 * change_s + steady_s - u
        moved = distance(u) if left > change_s else 2.0 * amplitude - distance(left)
        return (moved - amplitude if run % 2 == 0 else amplitude - moved), elevation
    return path


def darts(
        amplitude: float, rate: float, elevation: float, rng: random.Random, acceleration: float,
        legs: int = 40) -> Path:
    """Return a path that darts between points in azimuth and rests up to 1 s at each, again and again.

    Args:
        amplitude: maximum azimuth [rad].
        rate: maximum rate [rad/s].
        elevation: rad.
        rng: source of the points and rests.
        acceleration: at the start and the end of each dart [rad/s^2].
        legs: number of darts.
    """
    points = [rng.uniform(-amplitude, amplitude) for _ in range(legs)]
    starts, now = [], 0.0
    for i, point in enumerate(points):
        starts.append(now)
        now += _dart_s(abs(points[(i + 1) % legs] - point), rate, acceleration) + rng.uniform(0.2, 1.0)
    period = now

    def path(t: float) -> tuple[float, float]:
        u = t % period
        i = bisect.bisect_right(starts, u) - 1
        travel = points[(i + 1) % legs] - points[i]
        return points[i] + math.copysign(_darted(abs(travel), rate, acceleration, u - starts[i]), travel), elevation
    return path


def _dart_s(travel: float, rate: float, acceleration: float) -> float:
    """Return the duration of a dart."""
    peak = min(rate, math.sqrt(travel * acceleration))
    return travel / peak + peak / acceleration if peak else 0.0


def _darted(travel: float, rate: float, acceleration: float, u: float) -> float:
    """Return the distance covered ``u`` seconds after the start of a dart."""
    peak = min(rate, math.sqrt(travel * acceleration))
    left = _dart_s(travel, rate, acceleration) - u
    change_s = peak / acceleration
    if left <= 0.0:
        return travel
    if u < change_s:
        return 0.5 * acceleration * u * u
    return travel - 0.5 * acceleration * left * left if left < change_s else peak * (u - 0.5 * change_s)


@dataclasses.dataclass(frozen=True)
class Room:
    """The part of the view that a wanderer keeps to, in rad, its rates in rad/s and its maximum pause in s."""

    azimuth: tuple[float, float]
    elevation: tuple[float, float]
    rate: tuple[float, float]
    pause_s: float


def wander(room: Room, start: tuple[float, float], rng: random.Random, legs: int = 40) -> Path:
    """Return a smooth, closed walk from point to point with pauses; the maximum rate of each leg is within the room's.

    A leg follows half a cosine, whose maximum rate is pi/2 times its mean.
    """
    points = [start]
    while len(points) < legs:
        point = (rng.uniform(*room.azimuth), rng.uniform(*room.elevation))
        if math.dist(point, points[-1]) > 0.25 * (room.azimuth[1] - room.azimuth[0]):
            points.append(point)
    starts, durations, now = [], [], 0.0
    for i, point in enumerate(points):
        starts.append(now)
        duration = 0.5 * math.pi * math.dist(point, points[(i + 1) % legs]) / rng.uniform(*room.rate)
        durations.append(duration)
        now += duration + rng.uniform(0.0, room.pause_s)
    period = now

    def path(t: float) -> tuple[float, float]:
        u = t % period
        i = bisect.bisect_right(starts, u) - 1
        share = min(1.0, (u - starts[i]) / durations[i])
        w = 0.5 - 0.5 * math.cos(math.pi * share)
        a, b = points[i], points[(i + 1) % legs]
        return a[0] + w * (b[0] - a[0]), a[1] + w * (b[1] - a[1])
    return path


def _tour(amplitude: float, rate: float, rng: random.Random) -> Scenario:
    air = Room((-amplitude, amplitude), (-3.0 * _DEGREE, 25.0 * _DEGREE), (0.2 * rate, rate), 1.5)
    floor = Room((-0.8 * amplitude, 0.8 * amplitude), (-17.5 * _DEGREE, -16.5 * _DEGREE), (0.1 * rate, 0.4 * rate), 5.0)
    hall = Room((-amplitude, amplitude), (-3.5 * _DEGREE, -3.0 * _DEGREE), (0.1 * rate, 0.3 * rate), 4.0)
    return Scenario('tour', (
        balloon(wander(air, (12.0 * _DEGREE, 6.0 * _DEGREE), rng)),
        cat(wander(floor, (-15.0 * _DEGREE, -17.0 * _DEGREE), rng)),
        person(wander(hall, (-28.0 * _DEGREE, -3.2 * _DEGREE), rng))))


def _still(amplitude: float, _: float, __: random.Random) -> Scenario:
    return Scenario('still', (balloon(still(amplitude, 5.0 * _DEGREE)),))


def _ramp(amplitude: float, rate: float, _: random.Random) -> Scenario:
    return Scenario('ramp', (balloon(ramp(amplitude, rate, 5.0 * _DEGREE)),))


def _sine(amplitude: float, rate: float, _: random.Random) -> Scenario:
    return Scenario('sine', (balloon(sine(amplitude, rate, 5.0 * _DEGREE)),))


def _bolt(amplitude: float, rate: float, _: random.Random) -> Scenario:
    return Scenario('bolt', (balloon(bolt(amplitude, rate, 5.0 * _DEGREE)),))


def _dash(amplitude: float, rate: float, _: random.Random) -> Scenario:
    return Scenario('dash', (balloon(bolt(amplitude, rate, 5.0 * _DEGREE, 400.0 * _DEGREE)),))


def _step(amplitude: float, _: float, __: random.Random) -> Scenario:
    return Scenario('step', (balloon(steps(amplitude, 5.0 * _DEGREE)),))


def _crossing(amplitude: float, rate: float, _: random.Random) -> Scenario:
    ahead_s = amplitude / rate  # the two meet in the middle
    return Scenario('crossing', (
        balloon(ramp(amplitude, rate, 4.0 * _DEGREE), 'red'),
        balloon(ramp(amplitude, rate, 6.0 * _DEGREE, phase=2.0 * ahead_s), 'blue', 0.6, 3.6)))


def _pair(amplitude: float, rate: float, _: random.Random) -> Scenario:
    ahead_s = amplitude / rate
    return Scenario('pair', (
        balloon(ramp(amplitude, rate, 5.0 * _DEGREE), 'first'),
        balloon(ramp(amplitude, rate, 5.1 * _DEGREE, phase=2.0 * ahead_s), 'second', 0.0, 3.1)))


def _darts(amplitude: float, rate: float, rng: random.Random) -> Scenario:
    return Scenario('darts', (balloon(darts(amplitude, rate, 5.0 * _DEGREE, rng, 240.0 * _DEGREE)),))


def _occluded(amplitude: float, rate: float, _: random.Random) -> Scenario:
    hidden_s = 0.5
    pillar_range = 2.0
    width = (0.30 / 3.0 + rate * hidden_s) * pillar_range  # hides all of the balloon for hidden_s
    return Scenario(
        'occluded', (balloon(ramp(amplitude, rate, 5.0 * _DEGREE, phase=0.5 * amplitude / rate)),),
        (Obstacle('pillar', 0.0, 0.0, pillar_range, width, 2.4),))


def _person(amplitude: float, rate: float, _: random.Random) -> Scenario:
    return Scenario('person', (
        balloon(still(8.0 * _DEGREE, 5.0 * _DEGREE)), person(ramp(amplitude, rate, -3.2 * _DEGREE))))


def _empty(_: float, __: float, ___: random.Random) -> Scenario:
    return Scenario('empty', ())


_Maker = Callable[[float, float, random.Random], Scenario]
# Name: maker, its own amplitude [deg] and rate [deg/s].
_SCENARIOS: dict[str, tuple[_Maker, float, float]] = {
    'tour': (_tour, 50.0, 25.0),
    'still': (_still, 10.0, 10.0),
    'ramp': (_ramp, 70.0, 20.0),
    'sine': (_sine, 20.0, 60.0),
    'bolt': (_bolt, 22.0, 40.0),
    'dash': (_dash, 22.0, 80.0),
    'swing': (_sine, 10.0, 90.0),
    'shake': (_sine, 1.0, 20.0),
    'step': (_step, 10.0, 10.0),
    'crossing': (_crossing, 30.0, 15.0),
    'pair': (_pair, 30.0, 15.0),
    'darts': (_darts, 20.0, 60.0),
    'occluded': (_occluded, 40.0, 20.0),
    'person': (_person, 40.0, 10.0),
    'empty': (_empty, 10.0, 10.0),
}

#: The scenarios. A number may follow: ``ramp_60`` for 60 degrees/s, ``sine_0.5`` for 0.5 Hz.
NAMES = tuple(_SCENARIOS)


def make_scenario(name: str, seed: int = 0, amplitude: float = 0.0, rate: float = 0.0) -> Scenario:
    """Return a scenario by name.

    Args:
        name: one of :data:`NAMES`; a number behind an underscore sets the rate in degrees/s, for sine the frequency
            in Hz.
        seed: of everything random in it.
        amplitude: maximum azimuth [rad]; 0 for the scenario's own.
        rate: maximum rate [rad/s]; 0 for the one in the name or the scenario's own.

    Raises:
        ScenarioError: UNKNOWN_NAME.
    """
    kind, underscore, number = name.partition('_')
    try:
        maker, own_amplitude, own_rate = _SCENARIOS[kind]
        suffix = float(number) if underscore else own_rate
        if not 0.0 < suffix < 1000.0:
            raise ValueError
    except (KeyError, ValueError):
        raise ScenarioError(
            ReasonCode.UNKNOWN_NAME, f'unknown scenario "{name}"; there are {", ".join(NAMES)}') from None
    amplitude = amplitude or own_amplitude * _DEGREE
    if not rate:
        rate = 2.0 * math.pi * suffix * amplitude if maker is _sine and underscore else suffix * _DEGREE
    return dataclasses.replace(maker(amplitude, rate, random.Random(seed)), name=name)
