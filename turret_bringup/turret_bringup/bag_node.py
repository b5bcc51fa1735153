# SPDX-License-Identifier: Apache-2.0
"""The node ``bag``: records topics, and keeps the last seconds in memory to save them after a fault or a shot."""

from __future__ import annotations

import datetime
import os
import shutil
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import Log
from rclpy.node import Node

from turret_bringup.bag_parameters import BagParameters
from turret_bringup.bags.library import AUTO_PREFIX, BagLibrary
from turret_bringup.bags.metadata import NAMESPACE, Topic
from turret_bringup.bags.writer import BagWriter
from turret_bringup.recording.auto_save import AutoSave
from turret_bringup.recording.provenance import provenance
from turret_bringup.recording.recorder import BagRecorder, Limits, failure, require_space
from turret_bringup.recording.ring import Held, RingBuffer
from turret_bringup.recording.ros_feeds import BagFeeds, Feed
from turret_bringup.recording.ros_parameter_watch import ParameterWatch
from turret_bringup.recording.selection import Selector, known, mark_text
from turret_bringup.replay.child import ReplayChild, access_of
from turret_bringup.replay.player import RATE_RANGE
from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.name_patterns import NamePatterns
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.critical import critical, result_of
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import stamp_from
from turret_common.validation import require_range
from turret_msgs.msg import BagInfo, BagState, Fault, LaserState, TurretStatus
from turret_msgs.srv import (
    DeleteBag,
    ListBags,
    MarkBag,
    RenameBag,
    SaveLast,
    StartBag,
    StartReplay,
    StopBag,
    StopReplay,
)
from turret_web.access.access import tokens_path
from turret_web.access.tls import own_certificate

_TAKE_S = 0.1     # between two looks at what has arrived: the middleware keeps it, with its times
_PERIOD_S = 0.5  # between two looks at everything else, and two states
_MAX_S = 86400.0
_PARAMETERS = '/parameter_events'  # what all parameters are, at the beginning of a bag, and what changes
_CLOCK_STEP_S = 0.5  # difference between the clocks from one cycle to the next that is a step
_FINISH_S = 5.0  # for completing a bag when the node ends


class BagNode(Node):
    """Takes messages and looks after the subscriptions in a thread of its own, which waits for no disk.

    The recorder writes in its thread; all other work on files is done by a worker.
    """

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('bag', **node_kwargs)
        self._ros_parameters = RosParameters(self, BagParameters)
        parameters = self._ros_parameters.value
        self._selector = Selector(parameters.topics, self.get_namespace())
        self._not_kept = NamePatterns(self.get_namespace(), parameters.ring.excluded)
        self._library = BagLibrary(Path(parameters.bag_dir or state_dir(self.get_namespace()) / 'bags'))
        self._library.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ring = RingBuffer(parameters.ring.seconds, parameters.ring.max_mb * 1_000_000)
        self._auto = AutoSave()
        self._recorder: BagRecorder | None = None
        self._selection = ''
        self._recorded: frozenset[str] = frozenset()
        self._held: dict[str, bool] = {}
        self._latched: dict[str, Held] = {}
        self._saved = ''
        self._trouble: TurretError | None = None
        self._change = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix='bag-files')
        self._replay = ReplayChild(self._look_now)
        self._watch = ParameterWatch(self, [spec.name for spec in GRAPH])
        self._feeds = BagFeeds(self, self._on_feed)
        self._state = StatePublisher(self, BagState, 'bag/state', _PERIOD_S)
        self._events = self.create_publisher(Log, 'bag/events', qos.STREAM)
        self._status = PolledSubscription(self, TurretStatus, 'status', qos.STATUS)
        self._laser = PolledSubscription(self, LaserState, 'laser/state', qos.STATE)
        self.create_service(StartBag, 'bag/start', self._start)
        self.create_service(StopBag, 'bag/stop', self._stop)
        self.create_service(ListBags, 'bag/list', self._list)
        self.create_service(SaveLast, 'bag/save_last', self._save_last)
        self.create_service(RenameBag, 'bag/rename', self._rename)
        self.create_service(DeleteBag, 'bag/delete', self._delete)
        self.create_service(MarkBag, 'bag/mark', self._mark_asked)
        self.create_service(StartReplay, 'bag/start_replay', self._start_replay)
        self.create_service(StopReplay, 'bag/stop_replay', self._stop_replay)
        self.create_timer(1.0, self._watch.ask)
        self._free_space = 0
        self._worker.submit(self._repair)
        self._space = self._worker.submit(self._measure_space)
        if parameters.record_on_start != 'off':
            self._worker.submit(self._record_on_start, parameters.record_on_start)
        self._clock_offset_s = time.time() - time.monotonic()
        self._due = 0.0
        self._thread = critical(self, 'bag', _TAKE_S, self._tick)
        self._thread.start()

    def destroy_node(self) -> None:
        """Complete what is being recorded, and end the replay."""
        replay_end = self._replay.end()
        self._thread.stop()
        self._take_now()
        if self._recorder is not None:
            self._recorder.stop(_FINISH_S)
        self._worker.shutdown()
        wait([replay_end], _FINISH_S)
        super().destroy_node()

    # --- on the thread of its own

    def _tick(self) -> None:
        with self._change:
            self._take()
            now = time.monotonic()
            self._watch_clock(now)
            if now < self._due:
                return
            self._due = now + _PERIOD_S
            if not self._is_recording():
                self._recorded = frozenset()
            self._feeds.review(self._is_wanted)
        self._look_for_reasons(now)
        if self._space.done():
            self._space = self._worker.submit(self._measure_space)
        self._state.request()
        self._state.update(None, self._state_message)

    def _take(self) -> None:
        recorder, now = self._recorder, time.monotonic()
        for topic, stamp_ns, data, published_ns, missed in self._feeds.take():
            latched = self._held.get(topic)
            if latched is not None:
                self._ring.add(Held(topic, stamp_ns, data, published_ns), now, latched)
            if topic in self._latched:
                self._latched[topic] = Held(topic, stamp_ns, data, published_ns)
            if recorder is not None and topic in self._recorded:
                recorder.offer(topic, stamp_ns, data, published_ns)
                recorder.progress.dropped += missed

    def _take_now(self) -> None:
        """Take what has arrived so far, from any thread."""
        with self._change:
            self._take()

    def _watch_clock(self, now: float) -> None:
        """Mark a step of the wall clock: from there on, stamps do not follow those before."""
        offset_s = time.time() - now
        step_s, self._clock_offset_s = offset_s - self._clock_offset_s, offset_s
        if abs(step_s) > _CLOCK_STEP_S:
            self._mark(f'clock step of {step_s:+.3f} s', Log.WARN)

    def _mark(self, text: str, level: int = Log.INFO) -> None:
        """Publish an event, which every selection records."""
        self._events.publish(Log(
            stamp=self.get_clock().now().to_msg(), level=level, name=self.get_fully_qualified_name(), msg=text))
        if level == Log.INFO:  # rclpy refuses another severity from the same line
            self.get_logger().info(f'event: {text}')
        else:
            self.get_logger().warning(f'event: {text}')

    def _look_for_reasons(self, now: float) -> None:
        """Mark faults and shots, and save the last seconds after them."""
        auto = self._ros_parameters.value.auto
        for status in self._status.take():
            errors = {
                (fault.node, fault.code): fault.message for fault in status.faults
                if fault.severity == Fault.SEVERITY_ERROR and fault.node != self.get_name()}
            for fault in self._auto.see_faults(errors, auto, now):
                self._mark(f'fault of {fault[0]}: {errors[fault]}', Log.ERROR)
        for laser in self._laser.take():
            if self._auto.see_fire_count(laser.fire_count, auto, now):
                self._mark('the laser fired')
        label = self._auto.due(now)
        if label is not None:
            self._worker.submit(self._save_automatically, label)

    def _look_now(self) -> None:
        """Look at everything at once, because something has changed."""
        self._due = 0.0
        self._thread.wake()

    def _is_recording(self) -> bool:
        return self._recorder is not None and self._recorder.progress.active

    def _is_wanted(self, topic: str) -> bool:
        return self._is_kept(topic) or (self._is_recording() and self._selector.selects(self._selection, topic))

    def _is_kept(self, topic: str) -> bool:
        ring = self._ros_parameters.value.ring
        return ring.selection != 'off' and self._selector.selects(ring.selection, topic) and topic not in self._not_kept

    def _on_feed(self, feed: Feed) -> None:
        """Take a new subscription, before its first message."""
        name = feed.topic.name
        if self._is_kept(name):
            self._held[name] = feed.latched
        if feed.latched:
            self._latched.setdefault(name, Held(name, 0, b'', 0))
        if self._recorder is not None and self._is_recording() and self._selector.selects(self._selection, name):
            self._recorder.add_topic(feed.topic)
            self._recorded |= {name}

    def _state_message(self) -> BagState:
        message = BagState(
            selection=self._selection, held_s=self._ring.span_s, held_size=self._ring.size,
            saved=self._saved, free_space=self._free_space)
        replay = self._replay.status
        message.replay, message.replay_port, message.replay_message = replay.name, replay.port, replay.failure
        trouble = self._trouble
        if self._recorder is not None:
            progress = self._recorder.progress
            message.recording, message.name, message.duration_s = (
                progress.active, self._recorder.name, progress.duration_s)
            message.size, message.messages, message.dropped = progress.size, progress.messages, progress.dropped
            trouble = trouble or progress.ended
            if self._recorder.stalled_s:
                trouble = TurretError(
                    ReasonCode.RECORDING_FAILED, f'the disk has not answered for {self._recorder.stalled_s:.0f} s')
        if trouble is not None:
            message.message = trouble.message
            message.code = int(trouble.code) if trouble.code is not ReasonCode.TIMED_OUT else int(ReasonCode.OK)
        return message

    # --- services

    @answered
    def _start(self, request: StartBag.Request, response: StartBag.Response) -> None:
        require_range('max_s', request.max_s, 0.0, _MAX_S)
        response.name = self._record(known(request.selection), request.label, request.max_s)

    def _record_on_start(self, selection: str) -> None:
        try:
            self._record(selection, 'start', 0.0)
        except (TurretError, OSError) as error:
            self._trouble = failure(error) if isinstance(error, OSError) else error
            self.get_logger().error(f'nothing is recorded: {self._trouble.message}')

    def _record(self, selection: str, label: str, max_s: float) -> str:
        parameters = self._ros_parameters.value
        with self._change:
            if self._is_recording():
                raise TurretError(ReasonCode.BUSY, 'a bag is being recorded')
            feeds = [
                feed for feed in self._feeds.feeds.values() if self._selector.selects(selection, feed.topic.name)]
            recorder = BagRecorder(
                self._writer(
                    self._library.new(label, datetime.datetime.now()), [feed.topic for feed in feeds],
                    selection, split_bytes=parameters.split_mb * 1_000_000, split_s=parameters.split_s),
                Limits(max_s, parameters.min_free_mb * 1_000_000, parameters.queue_mb * 1_000_000),
                self._look_now)
            # What arrived until now is older than the recording, and would come after the latched messages.
            now_ns = time.time_ns()
            self._take()
            recorder.start()
            latched = [self._latched.get(feed.topic.name) for feed in feeds]
            for message in [message for message in latched if message is not None and message.data]:
                recorder.offer(message.topic, now_ns, message.data, message.published_ns)
            if any(feed.topic.name == _PARAMETERS for feed in feeds):
                for data in self._watch.events():
                    recorder.offer(_PARAMETERS, now_ns, data, now_ns)
            self._trouble, self._selection = None, selection
            self._recorded = frozenset(feed.topic.name for feed in feeds)
            self._recorder = recorder
        self._look_now()
        return recorder.name

    @answered
    def _mark_asked(self, request: MarkBag.Request, _: MarkBag.Response) -> None:
        self._mark(mark_text(request.text))

    @answered
    async def _stop(self, _: StopBag.Request, response: StopBag.Response) -> None:
        recorder = self._recorder
        if recorder is None or not recorder.progress.active:
            raise TurretError(ReasonCode.NOT_READY, 'nothing is being recorded')
        self._take_now()
        await result_of(self, self._worker.submit(recorder.stop))
        response.name = recorder.name

    @answered
    async def _list(self, _: ListBags.Request, response: ListBags.Response) -> None:
        response.bags = [
            BagInfo(name=bag.name, start=stamp_from(bag.start_ns * 1e-9), duration_s=bag.duration_s, size=bag.size,
                    messages=bag.messages, complete=bag.complete)
            for bag in await result_of(self, self._worker.submit(self._library.entries))]

    @answered
    async def _save_last(self, request: SaveLast.Request, response: SaveLast.Response) -> None:
        require_range('duration_s', request.duration_s, 0.0, self._ros_parameters.value.ring.seconds)
        response.name = await result_of(self, self._worker.submit(self._save, request.label, request.duration_s))

    @answered
    async def _rename(self, request: RenameBag.Request, _: RenameBag.Response) -> None:
        self._require_not_replayed(request.name)
        await result_of(self, self._worker.submit(self._library.rename, request.name, request.new_name))

    @answered
    async def _delete(self, request: DeleteBag.Request, _: DeleteBag.Response) -> None:
        self._require_not_replayed(request.name)
        await result_of(self, self._worker.submit(self._library.delete, request.name))

    def _require_not_replayed(self, name: str) -> None:
        if name and name == self._replay.status.name:
            raise TurretError(ReasonCode.BUSY, f'{name} is being replayed')

    @answered
    async def _start_replay(self, request: StartReplay.Request, _: StartReplay.Response) -> None:
        rate = request.rate if request.rate != 0.0 else 1.0
        require_range('rate', rate, *RATE_RANGE)
        bag = await result_of(self, self._worker.submit(self._library.complete_path, request.name))
        web = self._watch.values('web')
        if web is None:
            raise TurretError(
                ReasonCode.NOT_READY,
                'the node "web", whose address and tokens the panel of a replay shares, has not answered')
        namespace = self.get_namespace()
        self._replay.start(bag, rate, access_of(web, tokens_path(namespace), own_certificate(namespace)))

    @answered
    async def _stop_replay(self, _: StopReplay.Request, __: StopReplay.Response) -> None:
        if not self._replay.status.name:
            raise TurretError(ReasonCode.NOT_READY, 'no bag is being replayed')
        await result_of(self, self._replay.end())

    # --- on the worker

    def _repair(self) -> None:
        """Repair what the last run of this node left, and report it."""
        for name, result in self._library.recover():
            self.get_logger().warning(result)
            if not name.startswith(AUTO_PREFIX) and self._trouble is None:
                self._trouble = TurretError(ReasonCode.RECORDING_FAILED, f'recording {name} was interrupted; {result}')

    def _measure_space(self) -> None:
        """Look at the free space; on a network folder that takes its time."""
        try:
            self._free_space = shutil.disk_usage(self._library.folder).free
        except OSError:
            self._free_space = 0

    def _save(self, label: str, duration_s: float = 0.0, prefix: str = '') -> str:
        """Write what the ring buffer holds; return the name of the bag."""
        self._take_now()
        messages = self._ring.last(duration_s)
        if not messages:
            raise TurretError(ReasonCode.NOT_READY, 'the ring buffer is empty')
        parameters = self._ros_parameters.value
        require_space(self._library.folder, parameters.min_free_mb * 1_000_000)
        names = {message.topic for message in messages} | {_PARAMETERS}
        with self._change:
            topics = [feed.topic for name, feed in self._feeds.feeds.items() if name in names]
        if any(topic.name == _PARAMETERS for topic in topics):
            begin_ns = messages[0].stamp_ns
            messages = [Held(_PARAMETERS, begin_ns, data, begin_ns) for data in self._watch.events()] + messages
        try:
            with self._writer(
                    self._library.new(label, datetime.datetime.now(), prefix), topics,
                    parameters.ring.selection) as writer:
                for message in messages:
                    writer.write(*message)
        except OSError as error:
            raise failure(error) from error
        self._saved = writer.folder.name
        return self._saved

    def _save_automatically(self, label: str) -> None:
        try:
            name = self._save(label, prefix=AUTO_PREFIX)
            self._library.prune(AUTO_PREFIX, self._ros_parameters.value.auto.keep, self._replay.status.name)
        except TurretError as error:
            self._trouble = error
            self.get_logger().warning(f'could not save the last seconds: {error.message}')
        else:
            self.get_logger().info(f'saved {name}')

    def _writer(self, folder: Path, topics: Iterable[Topic], selection: str, **splits: Any) -> BagWriter:
        custom = {
            **provenance(), NAMESPACE: self.get_namespace().strip('/'), 'turret.selection': selection,
            'turret.parameters': self._watch.text()}
        return BagWriter(
            folder, topics, custom=custom, distro=os.environ.get('ROS_DISTRO', 'jazzy'),
            repeated=lambda: ((_PARAMETERS, data) for data in self._watch.events()), **splits)


def main() -> int:
    """Run the node."""
    return run(BagNode)


if __name__ == '__main__':
    raise SystemExit(main())
