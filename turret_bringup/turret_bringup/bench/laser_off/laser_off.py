# SPDX-License-Identifier: Apache-2.0
"""Time to emission off: each interlock of the safety chain is disabled in turn while the laser fires.

The simulated hardware, gimbal, safety and laser run as processes of their own; an operator arms and holds the trigger;
the event happens at a random moment. The time to emission off is read at the simulated laser pin, which keeps its
level when its driver dies. The operator then keeps the trigger held, and the pin must stay low.

Permits and fire grants reach the laser through this program, which passes each on at once, or drops, delays, repeats,
reorders, holds, replays or forges them. It also replaces the person exclusion. A disk that takes nothing is imitated by
a limit of the size of files, which is stricter than a full one. Times count from the event or, when messages are
missing, from the last valid one.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.bench.laser_off.ros_bench import RELAYED_TOPICS, BenchOperator, People, Relay
from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.shared_memory import Leftovers
from turret_common.bench import Row
from turret_common.errors import TurretError
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_common.testing.ros_testing import claim_domain

NAMESPACE = 'turret'
#: The nodes under test, in order of start, and the parameters that differ from their defaults.
_NODES: dict[str, dict[str, str]] = {
    'plant': {},
    'gimbal': {'driver': 'sim', 'home_on_start': 'true', 'idle_release_s': '0.0'},
    'safety': {'estop_driver': 'sim', 'exclusion': 'always'},
    'laser': {'driver': 'sim', 'power': '1.0'},
}
#: The laser receives permits and grants only through the relays.
_REMAPPED = {'laser': [word for topic, relayed in RELAYED_TOPICS.items() for word in ('-r', f'{topic}:={relayed}')]}
_STALL_S = 2.0
_ANSWER_S = 2.0
_STAYS_OFF_S = 0.5
_HEARTBEAT_DELAY_S, _PERMIT_DELAY_S = 0.4, 0.25
#: Maximum number of repetitions of a void trial.
_ATTEMPTS = 5


class Rack:
    """The processes under test."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._plant = PlantLink(plant_socket(NAMESPACE))
        self._leftovers = Leftovers()
        self._leftovers.clear()

    def start(self) -> None:
        """Start processes that are not running and resume stopped ones."""
        for name, parameters in _NODES.items():
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                self._resume(process.pid)
                continue
            self._leftovers.clear()
            overrides = [word for key, value in parameters.items() for word in ('-p', f'{key}:={value}')]
            overrides += _REMAPPED.get(name, [])
            self._processes[name] = subprocess.Popen(
                [sys.executable, '-m', f'turret_control.{name}_node', '--ros-args', '-r', f'__ns:=/{NAMESPACE}',
                 *overrides], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """End every process, the simulated hardware last."""
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                self._resume(process.pid)
                process.terminate()
            process.wait()

    def pid(self, name: str) -> int:
        """Return the process id of a node, of the laser's driver as ``driver`` and of its guardian as ``guardian``."""
        if name == 'driver':
            return _children(self._processes['laser'].pid)[0]
        return self._processes['laser' if name == 'guardian' else name].pid

    def pin(self) -> tuple[float, int]:
        """Return the laser pin's level and since when it has it, in ns."""
        pin = self._plant.call('pins')['laser']
        return pin['level'], pin['since_ns']

    def press_estop(self, pressed: bool) -> None:
        """Press or release the simulated emergency stop."""
        self._plant.call('set', name='estop', value=pressed)

    def fill_disk(self, full: bool) -> None:
        """Let the safety node and the laser's driver write nothing to any file, or again whatever they want."""
        for name in ('safety', 'driver') if 'safety' in self._processes else ():
            with contextlib.suppress(ProcessLookupError, IndexError):
                _, most = resource.prlimit(self.pid(name), resource.RLIMIT_FSIZE)  # raising that takes a privilege
                resource.prlimit(self.pid(name), resource.RLIMIT_FSIZE, (0 if full else most, most))

    @staticmethod
    def _resume(pid: int) -> None:
        for each in (pid, *_children(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


class VoidTrialError(Exception):
    """The trial is void: the laser did not fire, or emission ended before the event."""


class Trial:
    """One trial: the laser fires and an event happens."""

    def __init__(
            self, rack: Rack, operator: BenchOperator, relay: Relay, grants: Relay, people: People) -> None:
        """Prepare one.

        Args:
            rack: the processes.
            operator: holds the trigger.
            relay: passes permits on.
            grants: passes fire grants on.
            people: reports people near the beam.
        """
        self.rack = rack
        self.operator = operator
        self.relay = relay
        self.grants = grants
        self.people = people
        self.stays_off_s = _STAYS_OFF_S

    def fire(self, hold_s: float) -> None:
        """Bring the laser to fire, with the trigger held for a while."""
        operator = self.operator
        operator.heartbeat, operator.trigger = operator.send_heartbeat, False
        self.relay.handle, self.people.report = self.relay.pass_on, self.people.no_people
        self.grants.handle = self.grants.pass_on
        self.rack.fill_disk(False)
        try:
            _wait(self._armed, 60.0, 'it did not arm', 0.1)
        except VoidTrialError:
            why = operator.laser.message if operator.laser is not None else 'the laser never reported'
            raise VoidTrialError(f'it did not arm: {why}') from None
        operator.trigger = True
        _wait(lambda: self.rack.pin()[0] > 0.0, 2.0, 'it did not fire')
        time.sleep(hold_s)

    def _armed(self) -> bool:
        operator, laser = self.operator, self.operator.laser
        self.rack.start()
        try:
            self.rack.press_estop(False)
            if time.monotonic_ns() - operator.last_beat_ns > 1_000_000_000:
                operator.acquire(take_over=True)
            elif laser is not None and laser.state == laser.STATE_OFF:
                operator.call('safety/reset')
                recorded = self.relay.recorded
                if recorded and ReasonCode.NOT_HOMED in recorded[-1].reasons:
                    operator.home()
                operator.call('laser/arm')
        except TurretError:
            return False  # something is still starting
        return laser is not None and laser.state == laser.STATE_ARMED and bool(laser.ready)

    def time_to_off_ms(self, since_ns: Callable[[], int]) -> float:
        """Return the time until the pin was low [ms]; infinite when it did not stay low.

        Args:
            since_ns: returns the start of the measured time [ns], once the pin is low.
        """
        try:
            _wait(lambda: self.rack.pin()[0] == 0.0, 5.0, 'emission did not end')
        except VoidTrialError:
            return math.inf
        _, off_ns = self.rack.pin()
        if off_ns < since_ns():
            raise VoidTrialError('the beam ended by itself')
        time.sleep(self.stays_off_s)
        return 1e-6 * (off_ns - since_ns()) if self.rack.pin() == (0.0, off_ns) else math.inf


class Event(NamedTuple):
    """An event of the benchmark.

    Attributes:
        act: causes the event; returns a function that gives the start of the measured time [ns].
        limit_ms: maximum time until the pin is low.
    """

    act: Callable[[Trial], Callable[[], int]]
    limit_ms: float


def _signal(name: str, number: signal.Signals) -> Callable[[Trial], Callable[[], int]]:
    def act(trial: Trial) -> Callable[[], int]:
        pid, now = trial.rack.pid(name), time.monotonic_ns()
        os.kill(pid, number)
        return lambda: now
    return act


def _stall(name: str) -> Callable[[Trial], Callable[[], int]]:
    def act(trial: Trial) -> Callable[[], int]:
        trial.stays_off_s = _STALL_S + _STAYS_OFF_S
        pid, now = trial.rack.pid(name), time.monotonic_ns()
        os.kill(pid, signal.SIGSTOP)

        def resume() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        threading.Timer(_STALL_S, resume).start()
        return lambda: now
    return act


def _do(what: Callable[[Trial], Any]) -> Callable[[Trial], Callable[[], int]]:
    def act(trial: Trial) -> Callable[[], int]:
        now = time.monotonic_ns()
        what(trial)
        return lambda: now
    return act


def _heartbeats(make: Callable[[BenchOperator], Callable[[], None]]) -> Callable[[Trial], Callable[[], int]]:
    """Return an event that replaces the heartbeats, counted from the last valid one."""
    def act(trial: Trial) -> Callable[[], int]:
        trial.operator.heartbeat = make(trial.operator)
        return lambda: trial.operator.last_beat_ns
    return act


def _repeated(operator: BenchOperator) -> Callable[[], None]:
    nonce = operator.nonce

    def send() -> None:
        operator.send_nonce(nonce)
    return send


def _delayed(operator: BenchOperator) -> Callable[[], None]:
    def send() -> None:
        time.sleep(_HEARTBEAT_DELAY_S)
        operator.send_heartbeat()
    return send


def _buffered(operator: BenchOperator) -> Callable[[], None]:
    def send() -> None:
        nonce = operator.nonce
        time.sleep(_HEARTBEAT_DELAY_S)
        for _ in range(10):
            operator.send_nonce(nonce)
    return send


def _exclusion_falls_silent(trial: Trial) -> Callable[[], int]:
    trial.people.report = lambda: None
    return lambda: trial.people.last_ns


def _permits(make: Callable[[Relay], Callable[[Any], None]]) -> Callable[[Trial], Callable[[], int]]:
    """Return an event that treats permits otherwise, counted from the last one that was passed on."""
    def act(trial: Trial) -> Callable[[], int]:
        trial.relay.handle = make(trial.relay)
        now = time.monotonic_ns()
        return lambda: now
    return act


def _held_back(relay: Relay) -> Callable[[Any], None]:
    """Pass each permit on after it has expired."""
    def handle(permit: Any) -> None:
        threading.Timer(_PERMIT_DELAY_S, relay.send, (permit,)).start()
    return handle


def _repeating(relay: Relay) -> Callable[[Any], None]:
    last = relay.recorded[-1]
    return lambda _: relay.send(last)


def _in_bursts(relay: Relay) -> Callable[[Any], None]:
    """Hold permits back for a while and release them all at once, again and again."""
    held: list[Any] = []

    def handle(permit: Any) -> None:
        held.append(permit)
        if permit.monotonic_ns - held[0].monotonic_ns > _PERMIT_DELAY_S * 1e9:
            for each in held:
                relay.send(each)
            held.clear()
    return handle


def _reordered_after_a_stop(trial: Trial) -> None:
    """Have each permit that withdraws emission followed by older ones that gave it."""
    relay = trial.relay
    recorded = list(relay.recorded)

    def handle(permit: Any) -> None:
        relay.send(permit)
        for each in random.sample(recorded, 5):
            relay.send(each)
    relay.handle = handle
    trial.operator.call('safety/stop')


def _wait_for_the_cap(trial: Trial) -> Callable[[], int]:
    level, on_ns = trial.rack.pin()
    if level == 0.0:
        raise VoidTrialError('the beam ended by itself')
    return lambda: on_ns


def _replay_permits(trial: Trial) -> None:
    os.kill(trial.rack.pid('safety'), signal.SIGKILL)
    trial.relay.replay()


def _pair(first: str, second: str, number: signal.Signals) -> Callable[[Trial], Callable[[], int]]:
    """Return an event in which two processes get a signal, in any order."""
    def act(trial: Trial) -> Callable[[], int]:
        pids = [trial.rack.pid(first), trial.rack.pid(second)]
        random.shuffle(pids)
        now = time.monotonic_ns()
        for pid in pids:
            os.kill(pid, number)
        return lambda: now
    return act


def _during(what: Sequence[str], name: str, number: signal.Signals) -> Callable[[Trial], Callable[[], int]]:
    """Return an event in which a process gets a signal while services are called one after the other."""
    def act(trial: Trial) -> Callable[[], int]:
        def call() -> None:
            for service in what:
                with contextlib.suppress(TurretError):  # the node that should answer is gone
                    trial.operator.call(service)

        pid, now = trial.rack.pid(name), time.monotonic_ns()
        calling = threading.Thread(target=call, daemon=True)
        calling.start()
        time.sleep(random.uniform(0.0, 0.02))
        os.kill(pid, number)
        return lambda: now
    return act


def _on_a_full_disk(act: Callable[[Trial], Callable[[], int]]) -> Callable[[Trial], Callable[[], int]]:
    def on_a_full_disk(trial: Trial) -> Callable[[], int]:
        trial.rack.fill_disk(True)
        return act(trial)
    return on_a_full_disk


def _forge_permits(trial: Trial) -> None:
    trial.operator.call('safety/stop')
    trial.relay.handle = lambda _: None
    trial.relay.forge(laser_ok=True, motion_ok=True)


def _forge_grants(trial: Trial) -> None:
    trial.grants.handle = lambda _: None
    trial.grants.forge(trigger=True)


def _replay_grants(trial: Trial) -> None:
    trial.grants.handle = lambda _: None
    trial.grants.replay()


PERMIT_LOST_MS, OPERATOR_LOST_MS, DRIVER_LOST_MS = 150.0, 350.0, 150.0
#: Silence of the person exclusion counts after 300 ms.
EXCLUSION_LOST_MS = 300.0 + PERMIT_LOST_MS
#: A grant that is not renewed counts for 200 ms.
GRANT_LOST_MS = 200.0 + 50.0
#: Maximum pulse and the tolerance of its end.
PULSE_CAP_MS = 1000.0 + 20.0

EVENTS: dict[str, Event] = {
    **{f'{name} {word}': Event(_signal(name, number), DRIVER_LOST_MS)
       for name in ('driver', 'guardian')
       for word, number in (('killed', signal.SIGKILL), ('stopped', signal.SIGSTOP), ('ended', signal.SIGTERM))},
    'driver stalled': Event(_stall('driver'), DRIVER_LOST_MS),
    'guardian stalled': Event(_stall('guardian'), DRIVER_LOST_MS),
    'safety killed': Event(_signal('safety', signal.SIGKILL), PERMIT_LOST_MS),
    'safety stopped': Event(_signal('safety', signal.SIGSTOP), PERMIT_LOST_MS),
    'safety stalled': Event(_stall('safety'), PERMIT_LOST_MS),
    'permits dropped': Event(_permits(lambda _: lambda _: None), PERMIT_LOST_MS),
    'permits delayed': Event(_permits(_held_back), PERMIT_LOST_MS),
    'permits repeated': Event(_permits(_repeating), PERMIT_LOST_MS),
    'permits reordered': Event(_do(_reordered_after_a_stop), PERMIT_LOST_MS),
    'permits buffered': Event(_permits(_in_bursts), PERMIT_LOST_MS),
    'permits replayed': Event(_do(_replay_permits), PERMIT_LOST_MS),
    'person near the beam': Event(_do(lambda trial: trial.people.set_report(trial.people.person)), PERMIT_LOST_MS),
    'images frozen': Event(_do(lambda trial: trial.people.set_report(trial.people.frozen)), PERMIT_LOST_MS),
    'exclusion silent': Event(_exclusion_falls_silent, EXCLUSION_LOST_MS),
    'gimbal killed': Event(_signal('gimbal', signal.SIGKILL), OPERATOR_LOST_MS),
    'gimbal stopped': Event(_signal('gimbal', signal.SIGSTOP), OPERATOR_LOST_MS),
    'gimbal stalled': Event(_stall('gimbal'), OPERATOR_LOST_MS),
    'heartbeats dropped': Event(_heartbeats(lambda _: lambda: None), OPERATOR_LOST_MS),
    'heartbeats delayed': Event(_heartbeats(_delayed), OPERATOR_LOST_MS),
    'heartbeats repeated': Event(_heartbeats(_repeated), OPERATOR_LOST_MS),
    'heartbeats buffered': Event(_heartbeats(_buffered), OPERATOR_LOST_MS),
    'trigger released': Event(_do(lambda trial: setattr(trial.operator, 'trigger', False)), PERMIT_LOST_MS),
    'operator changed': Event(_do(lambda trial: trial.operator.acquire(take_over=True)), PERMIT_LOST_MS),
    'software stop': Event(_do(lambda trial: trial.operator.call('safety/stop')), PERMIT_LOST_MS),
    'emergency stop': Event(_do(lambda trial: trial.rack.press_estop(True)), PERMIT_LOST_MS),
    'disarmed': Event(_do(lambda trial: trial.operator.call('laser/disarm')), PERMIT_LOST_MS),
    **{f'{first} and {second} {word}': Event(_pair(first, second, number), DRIVER_LOST_MS)
       for first, second in (('driver', 'safety'), ('driver', 'gimbal'), ('guardian', 'safety'),
                             ('guardian', 'gimbal'), ('safety', 'gimbal'))
       for word, number in (('killed', signal.SIGKILL), ('stopped', signal.SIGSTOP))},
    **{f'{name} {word} during {what}': Event(_during(services, name, number), PERMIT_LOST_MS)
       for what, services in (('a stop', ['safety/stop']), ('a reset', ['safety/stop', 'safety/reset']))
       for name in ('driver', 'safety')
       for word, number in (('killed', signal.SIGKILL), ('stopped', signal.SIGSTOP))},
    'software stop on a full disk': Event(
        _on_a_full_disk(_do(lambda trial: trial.operator.call('safety/stop'))), PERMIT_LOST_MS),
    'emergency stop on a full disk': Event(
        _on_a_full_disk(_do(lambda trial: trial.rack.press_estop(True))), PERMIT_LOST_MS),
    'driver killed on a full disk': Event(_on_a_full_disk(_signal('driver', signal.SIGKILL)), DRIVER_LOST_MS),
    'permits forged after a stop': Event(_do(_forge_permits), PERMIT_LOST_MS),
    'grants forged': Event(_do(_forge_grants), GRANT_LOST_MS),
    'grants replayed': Event(_do(_replay_grants), GRANT_LOST_MS),
    'pulse cap': Event(_wait_for_the_cap, PULSE_CAP_MS),
}


class Result(NamedTuple):
    """Times to emission off of one event [ms]."""

    event: str
    limit_ms: float
    times_ms: list[float]

    @property
    def failures(self) -> int:
        """Number of times above the limit."""
        return sum(not time_ms <= self.limit_ms for time_ms in self.times_ms)


def run_trials(events: Sequence[str], trials: int, seed: int = 1) -> Iterator[Result]:
    """Give the result of each event, in processes, a folder for state and a ROS domain of their own."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            XDG_STATE_HOME=folder, ROS_DOMAIN_ID=str(claim_domain()), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
        rack = Rack()
        try:
            with TurretClient(NAMESPACE, timeout_s=_ANSWER_S) as client:
                operator, people = BenchOperator(client), People(client)
                relay = Relay(client, 'safety/permit')
                grants = Relay(client, 'safety/fire_grant')
                try:
                    with client.listening('laser/state', operator.observe_laser), client.listening(
                            'safety/permit', relay.receive), client.listening('safety/fire_grant', grants.receive):
                        for event in events:
                            trial = Trial(rack, operator, relay, grants, people)
                            times = [_one(trial, EVENTS[event], chance) for _ in range(trials)]
                            yield Result(event, EVENTS[event].limit_ms, times)
                finally:
                    people.stop()
                    operator.release()
        finally:
            rack.stop()


def _one(trial: Trial, event: Event, chance: random.Random) -> float:
    """Return the time to emission off of one trial, repeated while it is void."""
    for attempt in range(_ATTEMPTS):
        try:
            trial.fire(chance.uniform(0.0, 0.3))
            return trial.time_to_off_ms(event.act(trial))
        except VoidTrialError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _wait(condition: Callable[[], bool], timeout_s: float, what: str, period_s: float = 0.002) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise VoidTrialError(what)
        time.sleep(period_s)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except OSError:
        return []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``./turret bench laser-off``."""
    parser.add_argument('--event', action='append', choices=tuple(EVENTS), help='only this one (repeatable)')
    parser.add_argument('--trials', type=int, default=3, help='trials of each event (default 3)')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Run the trials and yield the times of each event; the maximum is compared with the limit of the event."""
    for result in run_trials(args.event or tuple(EVENTS), args.trials):
        yield Row(result.event, '', 'time to emission off, median', statistics.median(result.times_ms), 'ms')
        yield Row(result.event, '', 'time to emission off, maximum', max(result.times_ms), 'ms', result.limit_ms)
