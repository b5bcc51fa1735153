# SPDX-License-Identifier: Apache-2.0
"""Measurements of ``./turret bench split`` on the host of the hardware; prints each row as a line of JSON."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from turret_bringup.bench.ros_follow import follow
from turret_bringup.bench.split.namespaces import Host, Impairment, Link
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.client.ros_operator import Operator
from turret_common.bench import Row, percentile, spread
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_msgs.msg import ControllerState, LaserState, SafetyState, SimGroundTruth

#: Limits: emission off after the maximum age of an image plus that of a permit, head still, and everything back.
OFF_MS, STILL_MS, BACK_S = 350.0, 300.0, 5.0
#: Rate below which the head counts as still.
_STILL_RATE = math.radians(0.5)
#: Rate above which it moves.
_MOVING_RATE = math.radians(2.0)
_READY_S = 60.0
#: Nodes that must report again when the link is back.
_NODES = ('vision', 'controller', 'camera')


class Cut(NamedTuple):
    """One trial: times from the cut until emission off and head still [ms], and from the return [s].

    Attributes:
        followed_s: until a target is followed again.
        back_s: until no fault is left, too.
        fault: whether the status showed a fault of vision while the link was cut.
        stayed: whether emission stayed off and the head still until the return.
    """

    off_ms: float
    still_ms: float
    followed_s: float
    back_s: float
    fault: bool
    stayed: bool

    @property
    def good(self) -> bool:
        """Whether the trial was within all limits."""
        return (self.off_ms <= OFF_MS and self.still_ms <= STILL_MS and self.back_s <= BACK_S and self.fault
                and self.stayed)


class Watch:
    """The newest messages of the turret, and the ground truth since the last cut."""

    def __init__(self, client: TurretClient) -> None:
        self.controller: ControllerState | None = None
        self.laser: LaserState | None = None
        self.safety: SafetyState | None = None
        self.truth: SimGroundTruth | None = None
        self.history: list[SimGroundTruth] | None = None
        self._listening = contextlib.ExitStack()
        for topic, take in (('controller/state', self._controller), ('laser/state', self._laser),
                            ('safety/state', self._safety), ('sim/ground_truth', self._ground_truth)):
            self._listening.enter_context(client.listening(topic, take))

    def _controller(self, message: ControllerState) -> None:
        self.controller = message

    def _laser(self, message: LaserState) -> None:
        self.laser = message

    def _safety(self, message: SafetyState) -> None:
        self.safety = message

    def _ground_truth(self, message: SimGroundTruth) -> None:
        self.truth = message
        if self.history is not None:
            self.history.append(message)

    def describe(self) -> str:
        """Return why the laser does not fire, as far as the states show it."""
        laser, controller, safety = self.laser, self.controller, self.safety
        if laser is None or controller is None or safety is None:
            return 'a state is missing'
        return (f'laser state {laser.state}, {laser.fire_count} pulses, {ReasonCode(laser.code).words}; '
                f'{safety.message or "safety inhibits nothing"} {list(safety.reasons)}; '
                f'tracking {controller.tracking}, off by {math.degrees(controller.aim_error):.2f} deg')

    def following(self) -> bool:
        """Return whether the head follows a target."""
        return self.controller is not None and self.controller.tracking == ControllerState.TRACKING_FOLLOWING

    def fires_in_motion(self) -> bool:
        """Return whether the laser emits while the head moves."""
        return self.truth is not None and self.truth.laser_pin and abs(self.truth.pan_rate) > _MOVING_RATE


def cut_trials(client: TurretClient, link: Link, trials: int, cut_s: float) -> Iterator[Row]:
    """Cut and restore the link so many times while the laser fires; give the rows."""
    cuts = []
    with client.operator() as operator:
        watch = Watch(client)
        for number in range(trials):
            _prepare(client, operator, watch)
            cuts.append(_trial(client, watch, link, cut_s))
            sys.stderr.write(f'cut {number + 1}: {cuts[-1]}\n')
    for name, unit, maximum, values in (
            ('emission off', 'ms', OFF_MS, [cut.off_ms for cut in cuts]),
            ('head still', 'ms', STILL_MS, [cut.still_ms for cut in cuts]),
            ('following again', 's', BACK_S, [cut.followed_s for cut in cuts]),
            ('back', 's', BACK_S, [cut.back_s for cut in cuts])):
        yield Row('cuts', 'two hosts', f'{name}, median', percentile(values, 0.5), unit)
        yield Row('cuts', 'two hosts', f'{name}, maximum', max(values), unit, maximum)
    yield Row('cuts', 'two hosts', 'trials', len(cuts), '')
    yield Row('cuts', 'two hosts', 'unsafe', sum(not (cut.fault and cut.stayed) for cut in cuts), '', 0)
    yield Row('cuts', 'two hosts', 'failures', sum(not cut.good for cut in cuts), '', 0)


def _prepare(client: TurretClient, operator: Operator, watch: Watch) -> None:
    """Bring the laser to automatic fire at a moving target."""
    deadline = time.monotonic() + _READY_S
    while not watch.fires_in_motion():
        if time.monotonic() > deadline:
            raise TurretError(ReasonCode.TIMED_OUT, f'the laser does not fire: {watch.describe()}')
        if watch.laser is not None and watch.laser.state == LaserState.STATE_OFF:
            client.call('laser/arm', {'lease_id': operator.lease_id})
        client.call('safety/set_auto_fire', {'lease_id': operator.lease_id, 'enabled': True})
        _wait(watch.fires_in_motion, 1.0)


def _trial(client: TurretClient, watch: Watch, link: Link, cut_s: float) -> Cut:
    watch.history = []
    cut_ns = time.monotonic_ns()
    link.cut()
    fault = False
    for status in client.messages('status'):
        fault = fault or any(entry.node == 'vision' for entry in status.faults)
        if time.monotonic_ns() - cut_ns > cut_s * 1e9:
            break
    history, watch.history = watch.history, None
    restored = time.monotonic()
    link.impair(Impairment())
    back_s = math.inf
    _wait(watch.following, 4.0 * BACK_S)
    followed_s = time.monotonic() - restored
    for status in client.messages('status'):
        ages = [getattr(status, f'{name}_age_s') for name in _NODES]
        if watch.following() and not status.faults and all(age < 1.0 for age in ages):
            back_s = time.monotonic() - restored
            break
        if time.monotonic() - restored > 4 * BACK_S:
            sys.stderr.write(f'not back: {status.faults} {ages} {watch.controller}\n')
            break
    since = [((truth.monotonic_ns - cut_ns) * 1e-6, truth) for truth in history if truth.monotonic_ns > cut_ns]
    off_ms = _until_last(since, lambda truth: truth.laser_pin)
    still_ms = _until_last(since, lambda truth: math.hypot(truth.pan_rate, truth.tilt_rate) > _STILL_RATE)
    stayed = bool(since) and max(off_ms, still_ms) < since[-1][0] - 500.0
    return Cut(off_ms, still_ms, followed_s, back_s, fault, stayed)


def _until_last(since: list[tuple[float, Any]], active: Callable[[Any], bool]) -> float:
    """Return the time [ms] after the last message for which ``active`` is true."""
    return max((at for at, message in since if active(message)), default=0.0)


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()


def follow_on(client: TurretClient, link: Link, scenario: str, duration_s: float) -> Iterator[Row]:
    """Give aim error, reaction, age of commands and bandwidth while the turret tracks."""
    for status in client.messages('status'):
        if status.gimbal.pan.homed and status.gimbal.tilt.homed and status.tracks:
            break
    ages: list[float] = []
    fragments = _ip_fragments()
    with client.listening('gimbal/state', lambda state: ages.append(1e3 * state.command_age_s)):
        before, began = _traffic(link), time.monotonic()
        yield from follow(client, scenario, duration_s)
        passed_s, after = time.monotonic() - began, _traffic(link)
    yield from spread(scenario, 'simulation', 'age of commands', [age for age in ages if math.isfinite(age)], 'ms')
    for name, old, new in zip(('to perception', 'from perception'), before, after, strict=True):
        yield Row(scenario, 'simulation', name, (new - old) / passed_s / 1e3, 'kB/s')
    yield Row(scenario, 'simulation', 'IP fragments', (_ip_fragments() - fragments) / passed_s, '1/s')
    vision = client.status().vision
    yield Row(scenario, 'simulation', 'frames processed', vision.detection.rate_hz, '1/s')
    yield Row(scenario, 'simulation', 'clock offset', 1e3 * vision.clock_offset_s, 'ms')
    yield Row(scenario, 'simulation', 'round trip', 1e3 * vision.round_trip_s, 'ms')


def _traffic(link: Link) -> tuple[int, int]:
    counters = psutil.net_io_counters(pernic=True)[link.first.interface]
    return counters.bytes_sent, counters.bytes_recv


def _ip_fragments() -> int:
    """Return how many fragments this host has made of packets that were too large for a link."""
    names, values = (line.split() for line in Path('/proc/net/snmp').read_text().splitlines() if line.startswith('Ip:'))
    return int(values[names.index('FragCreates')])


def main(words: list[str]) -> int:
    """Run the named measurement: ``LINK cuts TRIALS CUT_S`` or ``LINK follow SCENARIO SECONDS``."""
    first, second, control = json.loads(words[0])
    link = Link(Host(*first), Host(*second), control)
    with TurretClient('turret', timeout_s=30.0) as client:
        rows = (cut_trials(client, link, int(words[2]), float(words[3])) if words[1] == 'cuts'
                else follow_on(client, link, words[2], float(words[3])))
        for row in rows:
            sys.stdout.write(json.dumps(row) + '\n')
            sys.stdout.flush()
    return 0


if __name__ == '__main__':
    try:
        raise SystemExit(main(sys.argv[1:]))
    except TurretError as error:
        sys.stderr.write(f'{error.message}\n')
        raise SystemExit(1) from None
