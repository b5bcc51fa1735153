# SPDX-License-Identifier: Apache-2.0
"""The replay node: plays a bag back in an isolated ROS domain. It is not part of the graph of a turret."""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage

from turret_bringup.bags.messages import BagMessages, namespace_of
from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.reader import Bag, BagMessage
from turret_bringup.replay.events import Event, Events
from turret_bringup.replay.guard import intruder, plan
from turret_bringup.replay.player import Player
from turret_bringup.replay.ros_replay import Operator, Outlets, Permits
from turret_bringup.replay.source import IMAGE_TYPES, BagSource
from turret_bringup.replay_parameters import ReplayParameters
from turret_common.errors import TurretError, printable
from turret_common.messages.run_key import run_key
from turret_common.reason_codes import ReasonCode
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.qos import COMMAND
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.time import stamp_from_ns
from turret_msgs.msg import ReplayEvent, ReplayState
from turret_msgs.srv import (
    ListReplayEvents,
    SeekReplay,
    SeekReplayEvent,
    SetReplayGapSkipping,
    SetReplayPaused,
    SetReplayRate,
    StepReplay,
)

#: How long the domain is watched before anything is published; nodes find each other within 0.2 s.
_WATCH_S = 1.0
_LOOK_S = 0.1
_STATE_S = 0.1
_SILENCE_S = 10.0  # a silence in the recording that is logged
_LAST_NS = 2**31 * 10**9  # what a stamp can hold


class ReplayNode(Node):
    """Publishes in a thread of its own; the executor only takes requests.

    Attributes:
        failure: error that ended the replay; None before.
    """

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('replay', **node_kwargs)
        settings: RosParameters[ReplayParameters] = RosParameters(self, ReplayParameters)
        self._settings = p = settings.value
        if self.context.get_domain_id() != p.domain:
            raise TurretError(
                ReasonCode.NOT_ALLOWED, f'a replay belongs in a ROS domain of its own, which {p.domain} was to be, and '
                f'not in domain {self.context.get_domain_id()}; start it with ./turret replay')
        self._changed = threading.Condition()
        self._ending = False
        self.failure: TurretError | None = None
        self._fail = self.create_guard_condition(self._raise_failure)
        # Stamped with the time of the host: the node's own clock may be the one that it publishes.
        self._state = StatePublisher(
            self, ReplayState, 'replay/state', _STATE_S, clock=Clock(clock_type=ClockType.SYSTEM_TIME))
        self._clock_out = self.create_publisher(ClockMessage, '/clock', COMMAND) if p.clock_hz > 0.0 else None
        self._look_due = self._clock_due = 0.0
        self._silent = False
        with ExitStack() as stack:
            self._bag = bag = stack.enter_context(Bag(Path(p.bag)))
            self._prepare(bag)
            self._stack = stack.pop_all()
        self.create_service(SetReplayPaused, 'replay/set_paused', self._set_paused)
        self.create_service(StepReplay, 'replay/step', self._step)
        self.create_service(SeekReplay, 'replay/seek', self._seek)
        self.create_service(SetReplayRate, 'replay/set_rate', self._set_rate)
        self.create_service(SetReplayGapSkipping, 'replay/set_gap_skipping', self._set_gap_skipping)
        self.create_service(ListReplayEvents, 'replay/list_events', self._list_events)
        self.create_service(SeekReplayEvent, 'replay/seek_event', self._seek_event)
        self._thread = threading.Thread(target=self._work, name='replay', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop publishing, then end."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()
        self._source.close()
        self._stack.close()
        super().destroy_node()

    def _prepare(self, bag: Bag) -> None:
        p = self._settings
        if not 0 <= bag.start_ns <= bag.end_ns < _LAST_NS:
            raise BagError(
                ReasonCode.NOT_SUPPORTED, f'{bag.path} has stamps after January 2038, which ROS time cannot represent')
        namespace = _namespace(bag)
        if p.into and namespace is None:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{bag.path} has no topics of a turret to run nodes on again')
        outlets = plan(
            {name: topic.type for name, topic in bag.topics.items()}, namespace=namespace, wanted=p.topics,
            remaps=p.remap, into=p.into)
        self._permits = permits = Permits(run_key(self.get_namespace()) if 'controller' in p.into else None)
        self._outlets = Outlets(self, bag, outlets, permits, namespace or '', p.into)
        for name, why in sorted(self._outlets.left_out.items()):
            self.get_logger().info(printable(f'not played: {name}: {why}'))
        if not any(bag.counts[name] for name in self._outlets.names):
            raise BagError(ReasonCode.NOT_FOUND, f'{bag.path} has no messages to play')
        self._operator = Operator(self, namespace or '', permits.lease_id) if 'controller' in p.into else None
        self._requested = f'{namespace}/controller/state'
        end_ns = bag.end_ns if not p.end_s else min(bag.end_ns, bag.start_ns + round(1e9 * p.end_s))
        self._events = self._read_events(bag, f'{namespace}/bag/events', end_ns)
        self._source = BagSource(bag, self._outlets.names, end_ns)
        self._player: Player[BagMessage] = Player(
            self._source, (bag.start_ns, end_ns), self._publish, lambda message: message.type in IMAGE_TYPES,
            time.monotonic(), rate=p.rate, loop=p.loop, paused=True, start_s=p.start_s,
            min_gap_s=p.skip_gaps_s)

    def _read_events(self, bag: Bag, topic: str, end_ns: int) -> Events:
        """Return the events of the recorder that are in a bag."""
        decoder = BagMessages(bag)
        found = []
        try:
            for message in bag.messages([topic], end_ns=end_ns + 1):
                values = decoder.values(message)
                if values is not None:
                    found.append(Event((message.stamp_ns - bag.start_ns) * 1e-9, values['level'], values['msg']))
        except (BagError, KeyError) as error:
            self.get_logger().warning(f'no events: {error}')
        return Events(found)

    # The loop

    def _work(self) -> None:
        try:
            self._watch_domain()
            with self._changed:
                if not self._settings.paused:
                    self._player.set_paused(False, time.monotonic())
                while not self._ending:
                    self._changed.wait(self._update())
        except TurretError as error:
            self.failure = error
            self._fail.trigger()

    def _watch_domain(self) -> None:
        """Look for hardware before the first message."""
        until = time.monotonic() + _WATCH_S
        while not self._ending and time.monotonic() < until:
            self._require_no_hardware()
            time.sleep(_LOOK_S)

    def _require_no_hardware(self) -> None:
        name = intruder(name for name, _ in self.get_node_names_and_namespaces())
        if name is not None:
            raise TurretError(
                ReasonCode.NOT_ALLOWED, f'the node "{name}", which may drive hardware, is in ROS domain '
                f'{self._settings.domain}: nothing is replayed beside it')

    def _update(self) -> float:
        """Do what is due; return how long nothing is."""
        now = time.monotonic()
        if now >= self._look_due:
            self._look_due = now + _LOOK_S
            self._require_no_hardware()
        wait_s = self._player.update(now)
        now = time.monotonic()
        silence_s = self._player.silence_s(now)
        if silence_s > _SILENCE_S and not self._silent:
            self.get_logger().info(
                f'the recording has no messages for {silence_s:.0f} s: seek, or start with --skip-gaps')
        self._silent = silence_s > _SILENCE_S
        self._publish_time(now)
        self._state.update(None, lambda: self._state_message(now))
        if self._player.ended and not self._settings.hold:
            self._state.request()
            self._state.update(None, lambda: self._state_message(now))
            self._ending = True
            signal.raise_signal(signal.SIGTERM)
        clock_s = self._clock_due - now if self._clock_out is not None else math.inf
        return max(0.0, min(wait_s, clock_s, self._state.remaining_s(), self._look_due - now))

    def _publish(self, recorded: BagMessage) -> None:
        self._publish_time(time.monotonic())
        damaged = self._outlets.decoder.damaged
        whole_so_far = not damaged[recorded.topic]
        self._outlets.publish(recorded)
        if whole_so_far and damaged[recorded.topic]:
            self.get_logger().warning(f'{printable(recorded.topic)}: a damaged message is left out')
        if self._operator is not None and recorded.topic == self._requested:
            state = self._outlets.decoder.values(recorded)
            if state is not None:
                self._operator.follow(state)

    def _publish_time(self, now: float) -> None:
        """Publish the recorded time where the last one is old."""
        if self._clock_out is not None and now >= self._clock_due:
            self._clock_due = now + 1.0 / self._settings.clock_hz
            self._clock_out.publish(ClockMessage(clock=stamp_from_ns(self._player.position_ns(now))))

    def _state_message(self, now: float) -> ReplayState:
        p = self._settings
        return ReplayState(
            name=self._bag.path.name, into=list(p.into), domain=p.domain, **self._player.position(now)._asdict())

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure.again()

    # Services

    def _asked(self) -> None:
        """Act on a request at once."""
        self._state.request()
        self._changed.notify()

    @answered
    def _set_paused(self, request: SetReplayPaused.Request, _: SetReplayPaused.Response) -> None:
        with self._changed:
            self._player.set_paused(request.paused, time.monotonic())
            self._asked()

    @answered
    def _step(self, request: StepReplay.Request, _: StepReplay.Response) -> None:
        with self._changed:
            self._player.step(request.messages, time.monotonic())
            self._asked()

    @answered
    def _seek(self, request: SeekReplay.Request, _: SeekReplay.Response) -> None:
        with self._changed:
            self._player.seek(request.position_s, time.monotonic())
            self._asked()

    @answered
    def _set_rate(self, request: SetReplayRate.Request, _: SetReplayRate.Response) -> None:
        with self._changed:
            self._player.set_rate(request.rate, time.monotonic())
            self._asked()

    @answered
    def _set_gap_skipping(
            self, request: SetReplayGapSkipping.Request, _: SetReplayGapSkipping.Response) -> None:
        with self._changed:
            self._player.set_min_gap(request.min_gap_s)
            self._asked()

    @answered
    def _list_events(self, _: ListReplayEvents.Request, response: ListReplayEvents.Response) -> None:
        response.events = [ReplayEvent(**event._asdict()) for event in self._events.all]

    @answered
    def _seek_event(self, request: SeekReplayEvent.Request, response: SeekReplayEvent.Response) -> None:
        with self._changed:
            now = time.monotonic()
            position = self._player.position(now)
            event = (self._events.before(position.position_s, position.paused or position.ended)
                     if request.backward else self._events.after(position.position_s))
            self._player.seek(event.position_s, now)
            response.event = ReplayEvent(**event._asdict())
            self._asked()


def _namespace(bag: Bag) -> str | None:
    try:
        return namespace_of(bag)
    except BagError:
        return None  # a bag of something else can be played too


def main() -> int:
    """Run the node."""
    return run(ReplayNode)


if __name__ == '__main__':
    raise SystemExit(main())
