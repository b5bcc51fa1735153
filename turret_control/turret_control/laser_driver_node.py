# SPDX-License-Identifier: Apache-2.0
"""The driver process of the laser node: services and topics around the thread that owns the laser."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from pathlib import Path
from typing import Any

from rclpy.node import Node

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.messages.run_key import run_id, run_key
from turret_common.paths import runtime_dir, state_dir, write_atomically
from turret_common.ros import qos
from turret_common.ros.critical import critical
from turret_common.ros.node import answered, run
from turret_common.ros.params import RosParameters
from turret_common.ros.permit_feed import PermitFeed
from turret_common.ros.state_publisher import StatePublisher
from turret_common.ros.subscriptions import AwaitedSubscription, PolledSubscription
from turret_common.threads.output import restore_output
from turret_common.threads.real_time import may_run_in_real_time
from turret_common.threads.saver import Saver
from turret_control.laser.emission_budget import EmissionBudget
from turret_control.laser.guardian import GuardianLink
from turret_control.laser.lines.registry import LINES
from turret_control.laser.ros_messages import grant_of, grant_valid, laser_state
from turret_control.laser.state_machine import LaserCore
from turret_control.laser.thread import LaserThread
from turret_control.laser_parameters import LaserParameters, check_start
from turret_msgs import msg, srv

#: Period of the state while nothing changes.
_STATE_PERIOD_S = 0.1
#: Maximum time that the process waits for its last line to be written, before the guardian gets the fire line [s].
_LAST_WORDS_S = 0.01
#: Maximum time that the disk has to save the emission of this hour [s].
_UNSAVED_S = 2.0


class LaserNode(Node):
    """Passes permits, grants and requests to the laser's thread, and publishes its state."""

    def __init__(self, guardian: GuardianLink | None = None, **node_kwargs: Any) -> None:
        super().__init__('laser', **node_kwargs)
        self._params = RosParameters(self, LaserParameters, self._on_parameters)
        for source, reason in LINES.failed.items():
            self.get_logger().warning(f'laser lines not loaded: {source}: {reason}')
        check_start(
            self._params.value, guardian is not None, self.get_parameter('use_sim_time').value, may_run_in_real_time())
        lines = LINES[self._params.value.driver].make(  # emission is off before anything else is made
            self._params.value, self.get_namespace())
        self._key = run_key(self.get_namespace())
        self._grants_in = PolledSubscription(self, msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self._permits_in = AwaitedSubscription(
            self, msg.SafetyPermit, 'safety/permit', qos.PERMIT, self._grants_in)
        self._feed = PermitFeed(self, self._permits_in)
        self._permits = self._feed.monitor
        budget = JsonFile(
            state_dir(self.get_namespace()) / 'emission_budget.json', 1,
            lambda data: EmissionBudget.parse(data, time.monotonic_ns()), EmissionBudget.dump)
        earlier, of_this_run = _earlier_drivers(runtime_dir(self.get_namespace()), run_id(self._key))
        self._core = LaserCore(
            self._params.value, self._permits, budget.load() or EmissionBudget(),
            time.monotonic_ns() if earlier else None, of_this_run)
        self._saved_changes = -1  # the budget is saved at once, which shows whether that is possible
        self._saved = True
        self._saver: Saver[EmissionBudget] = Saver('emission budget', budget.save, self._on_save_error)
        self._topics = critical(
            self, 'laser topics', _STATE_PERIOD_S, self._update, self._permits_in.wait, real_time=True)
        self._states = StatePublisher(self, msg.LaserState, 'laser/state', _STATE_PERIOD_S)
        self._thread = LaserThread(self._core, lines, guardian, self._on_change, self._on_thread_end)
        self._thread.start()

        self.create_service(srv.Arm, 'laser/arm', self._arm)
        self.create_service(srv.Disarm, 'laser/disarm', self._disarm)
        self.create_service(srv.Fire, 'laser/fire', self._fire)
        self.create_service(srv.SetPower, 'laser/set_power', self._set_power)
        self.create_service(srv.ResetCount, 'laser/reset_count', self._reset_count)
        self._topics.start()

    def destroy_node(self) -> None:
        """Switch emission off, save that of this hour, and end."""
        with contextlib.suppress(TurretError):
            self._thread.call(self._core.disarm)  # counts the pulse under way
        self._topics.stop()
        self._thread.stop()
        self._saver.put(self._core.budget)
        self._saver.close()
        self._permits_in.close()
        super().destroy_node()

    def _on_thread_end(self, why: str) -> None:
        """End the process, so that the guardian takes the fire line."""
        self.get_logger().fatal(f'the laser cannot be driven any more: {why}')
        restore_output(_LAST_WORDS_S)
        os._exit(1)

    def _on_save_error(self, problem: str) -> None:
        self.get_logger().error(f'the emission of this hour cannot be saved: {problem}')

    def _on_change(self) -> None:
        self._states.request()
        self._permits_in.wake()

    def _on_parameters(self, parameters: LaserParameters) -> None:
        try:
            self._thread.call(lambda _: self._core.change_parameters(parameters))
        except TurretError as error:
            raise ValueError(error.message) from error

    def _update(self) -> None:
        for permit in self._feed.take():
            self._thread.post(functools.partial(self._permits.update, permit))
        for message in self._grants_in.take():
            if grant_valid(message, self._key):
                self._thread.post(functools.partial(self._core.grant, grant_of(message)))
        self._states.update(None, self._state)
        if self._core.budget.changes != self._saved_changes:
            self._saved_changes = self._core.budget.changes
            self._saver.put(self._thread.call(lambda _: self._core.budget.copy()))
        saved = self._saver.unsaved_s <= _UNSAVED_S
        if saved != self._saved:
            self._saved = saved
            self._thread.post(lambda _: self._core.observe_budget(saved))

    def _state(self) -> msg.LaserState:
        return laser_state(self._params.value, self._thread.call(self._core.snapshot))

    def _check_operator(self, request: Any) -> None:
        self._permits.check_lease(request.lease_id, time.monotonic_ns())

    @answered
    def _arm(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._thread.call(self._core.arm)

    @answered
    def _disarm(self, _: Any, __: Any) -> None:
        self._thread.call(self._core.disarm)

    @answered
    def _fire(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._thread.call(
            lambda now_ns: self._core.fire(
                request.pulses, _double(request.pulse_s), _double(request.gap_s), now_ns))

    @answered
    def _set_power(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._thread.call(lambda now_ns: self._core.set_power(_double(request.power), now_ns))

    @answered
    def _reset_count(self, request: Any, _: Any) -> None:
        self._check_operator(request)
        self._thread.call(lambda _: self._core.reset_count())


def _earlier_drivers(folder: Path, run: str) -> tuple[bool, bool]:
    """Return whether there was a laser driver before, and whether one of this run, and note that there was one.

    Where that cannot be read or noted, both count as true, which only costs time until the first pulse.
    """
    path = folder / 'laser.run'
    try:
        earlier = path.exists()
        of_this_run = earlier and path.read_bytes() == run.encode()
        write_atomically(path, run.encode())
    except OSError:
        return True, True
    return earlier, of_this_run


def _double(value: float) -> float:
    """Return the decimal number that was written into a 32-bit field: 0.6 arrives as 0.60000002, above a cap of 0.6."""
    return round(value, 6)


def main(guardian: GuardianLink) -> int:
    """Run the driver under its guardian."""
    return run(lambda: LaserNode(guardian), real_time=True)
