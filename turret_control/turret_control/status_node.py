# SPDX-License-Identifier: Apache-2.0
"""The status node: the whole turret in one message, on time whatever the other nodes do."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from turret_common.host import systemd
from turret_common.messages.run_key import run_key
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.critical import critical
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.subscriptions import PolledSubscription
from turret_common.ros.time import seconds
from turret_control.safety.ros_messages import state_valid
from turret_control.status import FaultBook, FaultRecord, NodeWatch, Severity
from turret_control.status_parameters import StatusParameters
from turret_msgs import msg, srv

#: The nodes that have a section in the status, and the type of their state.
_SECTIONS = {
    'camera': msg.CameraState, 'vision': msg.VisionState, 'controller': msg.ControllerState,
    'gimbal': msg.GimbalState, 'laser': msg.LaserState, 'safety': msg.SafetyState, 'bag': msg.BagState}
#: The topics are read so often per message, which bounds the error of an age to a tenth of a second at 2 Hz.
_READS_PER_MESSAGE = 5
_DIAGNOSTICS_PERIOD_S = 1.0
#: The watchdog of systemd is satisfied while the safety node, which issues the permits, is younger than this [s].
_SAFETY_ALIVE_S = 1.0
#: Fields of its state that the diagnostics of a node show beside its faults.
_TOLD = {
    'camera': ('source', 'rate_hz', 'frames', 'dropped'), 'vision': ('track_count',), 'controller': ('rate_hz',),
    'gimbal': ('driver', 'hardware'), 'laser': ('driver', 'hardware', 'fire_count'),
    'safety': ('laser_ok', 'motion_ok', 'software_stop'),
}
_LEVELS = {
    Severity.UNKNOWN: DiagnosticStatus.OK, Severity.WARNING: DiagnosticStatus.WARN,
    Severity.ERROR: DiagnosticStatus.ERROR}


class StatusNode(Node):
    """Publishes :class:`TurretStatus` from a thread of its own."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('status', **node_kwargs)
        settings = RosParameters(self, StatusParameters)
        self._params = settings.value
        self._watches = {name: NodeWatch(name, self._params) for name in _SECTIONS}
        self._book = FaultBook()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._reads = 0
        self._diagnostics_every = max(1, round(_DIAGNOSTICS_PERIOD_S / self._params.period_s))
        self._tracks_seen: float | None = None
        self._status = msg.TurretStatus(period_s=self._params.period_s)
        self._status.header.frame_id = settings.frame('base_link')

        self._publisher = self.create_publisher(msg.TurretStatus, 'status', qos.STATUS)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._states: dict[str, PolledSubscription[Any]] = {
            name: PolledSubscription(self, kind, f'{name}/state', qos.STATE) for name, kind in _SECTIONS.items()}
        self._key = run_key(self.get_namespace())
        self._tracks = PolledSubscription(self, msg.TrackArray, 'vision/tracks', qos.NEWEST)
        self.create_service(srv.GetFaults, 'status/get_faults', self._faults)

        self._thread = critical(self, 'status', self._params.period_s / _READS_PER_MESSAGE, self._tick)
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop publishing."""
        self._thread.stop()
        super().destroy_node()

    def _tick(self) -> None:
        now = time.monotonic()
        for name, states in self._states.items():
            for state in states.take():
                if name == 'safety' and not state_valid(state, self._key, time.monotonic_ns()):
                    continue
                setattr(self._status, name, state)
                self._watches[name].see(seconds(state.started), *_reports(state), now)
        for tracks in self._tracks.take():
            self._status.tracks, self._tracks_seen = tracks.tracks, now
        if self._reads % _READS_PER_MESSAGE == 0:
            self._publish(now)
        self._reads += 1

    def _publish(self, now: float) -> None:
        status = self._status
        conditions = [
            condition for watch in self._watches.values() for condition in watch.conditions(now - self._began, now)]
        with self._lock:
            self._book.update(conditions, now)
            status.faults = [_fault(record, now) for record in self._book.active()]
        for name, watch in self._watches.items():
            setattr(status, f'{name}_age_s', watch.age(now))
        status.tracks_age_s = math.nan if self._tracks_seen is None else now - self._tracks_seen
        if not status.tracks_age_s < self._params.tracks_lifetime_s:
            status.tracks = []
        status.backend = self._backend(now)
        status.seq += 1
        status.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(status)
        if self._watches['safety'].age(now) < _SAFETY_ALIVE_S:
            systemd.notify('READY=1\nWATCHDOG=1')
        if status.seq % self._diagnostics_every == 0:
            self._publish_diagnostics(now)

    def _backend(self, now: float) -> int:
        if any(math.isnan(self._watches[name].age(now)) for name in ('laser', 'gimbal')):
            return int(msg.TurretStatus.BACKEND_UNKNOWN)
        if not self._status.laser.hardware:
            return int(msg.TurretStatus.BACKEND_SIMULATION)
        live = not self._status.laser.dry_run
        return int(msg.TurretStatus.BACKEND_LIVE_LASER if live else msg.TurretStatus.BACKEND_DRY_RUN)

    def _publish_diagnostics(self, now: float) -> None:
        array = DiagnosticArray()
        array.header.stamp = self._status.header.stamp
        array.status = [self._diagnosis(watch, now) for watch in self._watches.values()]
        self._diagnostics.publish(array)

    def _diagnosis(self, watch: NodeWatch, now: float) -> DiagnosticStatus:
        conditions = sorted(watch.conditions(now - self._began, now), key=lambda condition: -condition.severity)
        age = watch.age(now)
        level = _LEVELS[conditions[0].severity] if conditions else DiagnosticStatus.OK
        if any(condition.code is ReasonCode.NODE_SILENT for condition in conditions):
            level = DiagnosticStatus.STALE
        state = getattr(self._status, watch.name)
        values = {'age_s': f'{age:.2f}'}
        if not math.isnan(age):
            values |= {name: str(getattr(state, name)) for name in _TOLD.get(watch.name, ())}
        return DiagnosticStatus(
            name=f'{self.get_namespace().strip("/")}/{watch.name}: state', hardware_id=self._hardware_id(watch),
            level=level, message='; '.join(condition.message for condition in conditions) or 'as it should be',
            values=[KeyValue(key=key, value=value) for key, value in values.items()])

    def _hardware_id(self, watch: NodeWatch) -> str:
        """Return the namespace, and the driver or the source of a node that has one and was seen."""
        state = getattr(self._status, watch.name)
        backend = getattr(state, 'driver', '') or getattr(state, 'source', '')
        return '/'.join(filter(None, (self.get_namespace().strip('/'), backend)))

    @answered
    def _faults(self, request: Any, response: Any) -> None:
        with self._lock:
            records = self._book.all()
        now = time.monotonic()
        response.faults = [_fault(record, now) for record in records if record.active or not request.active_only]


def _reports(state: Any) -> tuple[list[int], str]:
    """Return the reason codes in a state, and the words that go with them."""
    return (list(state.reasons), '') if isinstance(state, msg.SafetyState) else ([state.code], state.message)


def _fault(record: FaultRecord, now: float) -> msg.Fault:
    condition = record.condition
    return msg.Fault(
        node=condition.node, code=condition.code, message=condition.message, severity=condition.severity,
        age_s=now - record.since, active=record.active)


def main() -> int:
    """Run the node."""
    return run(StatusNode)


if __name__ == '__main__':
    raise SystemExit(main())
