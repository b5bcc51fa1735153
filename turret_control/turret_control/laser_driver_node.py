"""The laser node's driver process: services and topics around the thread that owns the laser."""

from __future__ import annotations

import functools
import os
import threading
import time
from pathlib import Path
from typing import Any

from rclpy.node import Node

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_common.permit import PermitMonitor
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.subscriptions import AwaitedSubscription, PolledSubscription
from turret_common.threads.periodic import Periodic
from turret_control.laser.emission_budget import EmissionBudget
from turret_control.laser.guardian import GuardianLink
from turret_control.laser.lines.registry import LINES
from turret_control.laser.state_machine import Grant, LaserCore
from turret_control.laser.thread import LaserThread
from turret_control.laser_parameters import LaserParameters, check_start
from turret_msgs import msg, srv

#: The state is published so often, and whenever it changes.
_STATE_PERIOD_S = 0.1


class LaserNode(Node):
    """Passes permits, grants and requests to the laser's thread, and its state to everybody."""

    def __init__(self, guardian: GuardianLink | None = None, **node_kwargs: Any) -> None:
        super().__init__('laser', **node_kwargs)
        self._params = RosParameters(self, LaserParameters, self._on_parameters)
        for source, reason in LINES.failed.items():
            self.get_logger().warning(f'laser lines not loaded: {source}: {reason}')
        check_start(self._params.value, guardian is not None, self.get_parameter('use_sim_time').value)
        lines = LINES[self._params.value.driver].make(  # emission is off before anything else is made
            self._params.value, self.get_namespace())
        self._permits = PermitMonitor()
        self._budget_file = state_dir(self.get_namespace()) / 'emission_budget.json'
        self._core = LaserCore(self._params.value, self._permits, _read_budget(self._budget_file))
        self._pulses_kept = len(self._core.budget.pulses)
        self._grants_in = PolledSubscription(self, msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self._permits_in = AwaitedSubscription(
            self, msg.SafetyPermit, 'safety/permit', qos.PERMIT, self._grants_in)
        self._topics = Periodic(
            'laser topics', _STATE_PERIOD_S, self._tick, self._on_topics_error,
            self._permits_in.wait)
        self._changed = threading.Event()
        self._loop = LaserThread(self._core, lines, guardian, self._on_change, self._on_loop_end)
        self._loop.start()
        self._started = self.get_clock().now().to_msg()
        self._state_due = 0.0
        self._ending = False

        self._states = self.create_publisher(msg.LaserState, 'laser/state', qos.STATE)
        self.create_service(srv.Arm, 'laser/arm', self._arm)
        self.create_service(srv.Disarm, 'laser/disarm', self._disarm)
        self.create_service(srv.Fire, 'laser/fire', self._fire)
        self.create_service(srv.SetPower, 'laser/set_power', self._set_power)
        self.create_service(srv.ResetCount, 'laser/reset_count', self._reset_count)
        self._topics.start()

    def destroy_node(self) -> None:
        """Make the laser dark, then end."""
        self._ending = True
        self._loop.stop()
        self._topics.stop()
        self._permits_in.close()
        super().destroy_node()

    def _on_loop_end(self, why: str) -> None:
        """End the process: the laser is dark, and nobody watches it any more."""
        self.get_logger().fatal(f'the laser is dark for good: {why}')
        os._exit(1)

    def _on_topics_error(self, error: BaseException) -> None:
        if self._ending:  # the laser's thread has ended first
            return
        self.get_logger().fatal(f'no permits and no state any more: {type(error).__name__}: {error}')
        self.context.try_shutdown()

    def _on_change(self) -> None:
        self._changed.set()
        self._permits_in.wake()

    def _on_parameters(self, parameters: LaserParameters) -> None:
        try:
            self._loop.call(lambda _: self._core.change_parameters(parameters))
        except TurretError as error:
            raise ValueError(error.message) from error

    def _tick(self) -> None:
        for permit in self._permits_in.take():
            self._permits.update(
                permit.epoch, permit.seq, permit.monotonic_ns, permit.laser_ok, permit.motion_ok, permit.lease_digest,
                permit.reasons)
        for message in self._grants_in.take():
            grant = Grant(message.epoch, message.seq, message.monotonic_ns, message.source, message.trigger)
            self._loop.post(functools.partial(self._core.grant, grant))
        if self._params.value.class2_play and len(self._core.budget.pulses) != self._pulses_kept:
            self._save_budget()
        now = time.monotonic()
        if self._changed.is_set() or now >= self._state_due:
            self._changed.clear()
            self._state_due = max(min(self._state_due, now) + _STATE_PERIOD_S, now)  # 10 Hz although turns are not
            self._publish()

    def _save_budget(self) -> None:
        """Remember the light of this hour over a restart; in a thread of its own, because disks are slow."""
        self._pulses_kept = len(self._core.budget.pulses)
        data = self._loop.call(lambda _: self._core.budget.to_json())
        threading.Thread(target=write_atomically, args=(self._budget_file, data), daemon=True).start()

    def _publish(self) -> None:
        parameters = self._params.value
        state = msg.LaserState(
            started=self._started, driver=parameters.driver, hardware=parameters.hardware, dry_run=parameters.dry_run,
            watchdog_fitted=parameters.watchdog_fitted, no_watchdog_accepted=parameters.no_watchdog_accepted,
            profile=parameters.profile, power_cap=parameters.power_cap, duty_cap=parameters.max_duty,
            pulse_s=parameters.pulse_s, burst_count=parameters.burst_count, burst_gap_s=parameters.burst_gap_s,
            cooldown_s=parameters.cooldown_s, **vars(self._loop.call(self._core.snapshot)))
        state.ready = state.code == ReasonCode.OK
        state.header.stamp = self.get_clock().now().to_msg()
        self._states.publish(state)

    def _check_operator(self, request: Any) -> None:
        self._permits.check_lease(request.lease_id, time.monotonic_ns())

    @answered
    def _arm(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._loop.call(self._core.arm)

    @answered
    def _disarm(self, _: Any, __: Any) -> None:
        self._loop.call(self._core.disarm)

    @answered
    def _fire(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._loop.call(
            lambda now_ns: self._core.fire(
                request.pulses, _double(request.pulse_s), _double(request.gap_s), now_ns))

    @answered
    def _set_power(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._loop.call(lambda now_ns: self._core.set_power(_double(request.power), now_ns))

    @answered
    def _reset_count(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._loop.call(lambda _: self._core.reset_count())


def _read_budget(path: Path) -> EmissionBudget:
    try:
        return EmissionBudget.from_json(path.read_bytes(), time.monotonic_ns()) if path.exists() else EmissionBudget()
    except TurretError as error:
        raise TurretError(error.code, f'{path}: {error.message}') from error


def _double(value: float) -> float:
    """Return the number that somebody wrote into a 32 bit field: 0.6 arrives as 0.60000002, beyond a cap of 0.6."""
    return round(value, 6)


def main(guardian: GuardianLink) -> int:
    """Run the driver under its guardian."""
    return run(lambda: LaserNode(guardian))
