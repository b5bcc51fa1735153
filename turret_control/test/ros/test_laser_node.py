# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.messages.run_key import run_key
from turret_common.paths import runtime_dir, state_dir
from turret_common.permit import lease_digest
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.testing.ros_testing import blocking_calls, signed
from turret_common.testing.waiting import wait_until
from turret_control import laser_driver_node
from turret_control.laser.guardian import ARMED_SILENCE_S, GuardianLink
from turret_control.laser.ros_messages import sign_grant
from turret_control.laser_driver_node import LaserNode
from turret_control.plant_node import PlantNode
from turret_control.safety_parameters import SafetyParameters
from turret_msgs import msg, srv


@pytest.fixture
def plant(ros: Any) -> PlantLink:
    ros.add(PlantNode(context=ros.context, namespace='turret'))
    return PlantLink(plant_socket('turret'))


class Rig:
    """A laser node and a fake safety node that permits everything."""

    def __init__(self, ros: Any, plant: PlantLink, **parameters: Any) -> None:
        self.ros = ros
        self.plant = plant
        self.states = ros.collect(msg.LaserState, 'laser/state', qos.STATE)
        self.node = ros.add(LaserNode(context=ros.context, namespace='turret', parameter_overrides=[
            Parameter(name, value=value) for name, value in {'power': 0.5, **parameters}.items()]))
        self.permits = ros.probe.create_publisher(msg.SafetyPermit, 'safety/permit', qos.PERMIT)
        self.grants = ros.probe.create_publisher(msg.FireGrant, 'safety/fire_grant', qos.PERMIT)
        self.permit = msg.SafetyPermit(epoch=5, laser_ok=True, motion_ok=True, lease_digest=lease_digest('lease'))
        self.grant = msg.FireGrant(epoch=5, source=msg.FireGrant.SOURCE_OPERATOR)
        self.timer = ros.probe.create_timer(0.02, self.publish)
        wait_until(lambda: self.states and self.states[-1].state == msg.LaserState.STATE_OFF)

    def publish(self) -> None:
        self.permit.seq += 1
        self.permit.monotonic_ns = time.monotonic_ns()
        self.permits.publish(signed(self.permit))
        if self.grant.trigger:
            self.publish_grant()

    def publish_grant(self) -> None:
        self.grant.seq += 1
        self.grant.monotonic_ns = time.monotonic_ns()
        self.grants.publish(sign_grant(self.grant, run_key('turret')))

    def call(self, kind: Any, name: str, lease_id: str = 'lease', **fields: Any) -> Any:
        return self.ros.call(kind, f'laser/{name}', kind.Request(lease_id=lease_id, **fields))

    def arm(self) -> None:
        """Arm; once more when a busy machine made the permits late."""
        def armed() -> bool:
            if self.states[-1].state == msg.LaserState.STATE_OFF:
                self.call(srv.Arm, 'arm')
            return bool(self.states[-1].state == msg.LaserState.STATE_ARMED)
        wait_until(armed, 20.0, 'armed')

    def hold(self) -> None:
        """Arm and hold the trigger until the beam is on; press again when a busy machine made the grants late."""
        def beam() -> bool:
            if self.states[-1].state == msg.LaserState.STATE_OFF:
                self.call(srv.Arm, 'arm')
            if self.states[-1].code in (ReasonCode.TRIGGER_NEEDS_NEW_PRESS, ReasonCode.GRANT_EXPIRED):
                self.grant.trigger = False
                self.publish_grant()
            elif self.states[-1].state == msg.LaserState.STATE_ARMED:
                self.grant.trigger = True
            return bool(self.pin()['level'] == 0.5)
        wait_until(beam, 20.0, 'the beam')

    def pin(self, name: str = 'laser') -> dict[str, Any]:
        pins: dict[str, dict[str, Any]] = self.plant.call('pins')
        return pins[name]


@pytest.fixture
def rig(ros: Any, plant: PlantLink) -> Rig:
    return Rig(ros, plant)


def test_it_arms_with_the_indicator_fires_and_goes_off(rig: Rig) -> None:
    assert rig.pin('indicator')['level'] == 0.0
    rig.arm()
    assert rig.pin('indicator')['level'] == 1.0
    assert rig.states[-1].ready
    assert rig.call(srv.Fire, 'fire', pulses=2, pulse_s=0.05, gap_s=0.05).success
    wait_until(lambda: rig.states[-1].fire_count == 2)
    wait_until(lambda: rig.states[-1].state == msg.LaserState.STATE_COOLDOWN)
    pin = rig.pin()
    assert pin['edges'] >= 4
    assert pin['level'] == 0.0
    assert rig.call(srv.Fire, 'fire').code == ReasonCode.COOLDOWN
    assert rig.ros.call(srv.Disarm, 'laser/disarm', srv.Disarm.Request()).success
    wait_until(lambda: rig.states[-1].state == msg.LaserState.STATE_OFF)
    assert rig.states[-1].code == ReasonCode.DISARMED
    assert rig.pin('indicator')['level'] == 0.0


@pytest.mark.parametrize('how', ['full', 'hangs'])
def test_without_a_disk_for_the_emission_of_the_hour_the_class_2_profile_emits_nothing(
        ros: Any, plant: PlantLink, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    save, broken, repaired = JsonFile.save, threading.Event(), threading.Event()

    def save_or_not(file: JsonFile[Any], value: Any) -> None:
        if file.path.name == 'emission_budget.json' and broken.is_set() and not repaired.is_set():
            if how == 'full':
                raise TurretError(ReasonCode.IO_ERROR, 'No space left on device')
            repaired.wait()
        save(file, value)

    monkeypatch.setattr(JsonFile, 'save', save_or_not)
    monkeypatch.setattr(laser_driver_node, '_UNSAVED_S', 0.2)
    rig = Rig(ros, plant, profile='class2_play', declared_mw=1.0)
    rig.arm()
    broken.set()
    assert rig.call(srv.Fire, 'fire', pulses=1, pulse_s=0.05).success
    wait_until(lambda: rig.states[-1].fire_count == 1)
    wait_until(lambda: rig.states[-1].state == msg.LaserState.STATE_OFF)
    assert rig.states[-1].code == ReasonCode.IO_ERROR
    assert rig.call(srv.Arm, 'arm').code == ReasonCode.IO_ERROR
    repaired.set()
    wait_until(lambda: rig.call(srv.Arm, 'arm').success)


def test_the_threads_of_the_laser_neither_log_nor_ask_the_graph_nor_touch_a_file(
        ros: Any, plant: PlantLink, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = blocking_calls(monkeypatch)
    rig = Rig(ros, plant)
    rig.hold()
    rig.timer.cancel()
    wait_until(lambda: rig.pin()['level'] == 0.0)
    wait_until(lambda: any(thread == 'emission budget' for thread, _ in calls))
    assert [call for call in calls if call[0] in ('laser', 'laser topics')] == []


def test_holding_the_trigger_holds_the_beam_and_the_permit_cuts_it(rig: Rig) -> None:
    rig.hold()
    rig.timer.cancel()
    last_ns = rig.permit.monotonic_ns
    wait_until(lambda: rig.pin()['level'] == 0.0)
    assert rig.pin()['since_ns'] - last_ns < 150_000_000
    wait_until(lambda: rig.states[-1].code == ReasonCode.PERMIT_STALE)


@pytest.mark.parametrize(('name', 'kind'), [
    ('arm', srv.Arm), ('fire', srv.Fire), ('set_power', srv.SetPower), ('reset_count', srv.ResetCount)])
def test_only_the_operator_is_obeyed(rig: Rig, name: str, kind: Any) -> None:
    wait_until(lambda: rig.call(srv.ResetCount, 'reset_count').success)
    assert rig.call(kind, name, lease_id='other').code == ReasonCode.WRONG_LEASE
    rig.timer.cancel()
    wait_until(lambda: rig.call(kind, name).code == ReasonCode.PERMIT_STALE)


def test_power_is_set_by_service_and_never_beyond_the_cap(ros: Any, plant: PlantLink) -> None:
    rig = Rig(ros, plant, power_cap=0.6)
    wait_until(lambda: rig.call(srv.SetPower, 'set_power', power=0.6).success)
    assert rig.call(srv.SetPower, 'set_power', power=0.7).code == ReasonCode.POWER_CAP
    assert rig.call(srv.SetPower, 'set_power', power=float('nan')).code == ReasonCode.NOT_FINITE
    wait_until(lambda: rig.states[-1].power == pytest.approx(0.6))


def test_burst_parameters_change_while_disarmed_only(rig: Rig) -> None:
    client = AsyncParameterClient(rig.ros.probe, 'laser')

    def change(name: str, value: Any) -> bool:
        future = client.set_parameters([Parameter(name, value=value)])
        wait_until(future.done)
        return bool(future.result().results[0].successful)
    assert client.wait_for_services(5.0)
    assert change('burst_count', 2)
    wait_until(lambda: rig.states[-1].burst_count == 2)
    assert not change('burst_count', 11)
    assert change('burst_count', 10), 'just as much as the duty cap allows'
    assert not change('pulse_s', 0.21)
    rig.arm()
    assert not change('burst_count', 1)


def test_without_its_hardware_it_is_in_fault_until_the_hardware_comes(ros: Any) -> None:
    states = ros.collect(msg.LaserState, 'laser/state', qos.STATE)
    ros.add(LaserNode(context=ros.context, namespace='turret'))
    wait_until(lambda: states and states[-1].code == ReasonCode.IO_ERROR)
    assert states[-1].state == msg.LaserState.STATE_FAULT
    ros.add(PlantNode(context=ros.context, namespace='turret'))
    wait_until(lambda: states[-1].state == msg.LaserState.STATE_OFF)


def test_a_real_laser_without_permission_to_run_in_real_time_refuses_to_start(
        ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laser_driver_node, 'may_run_in_real_time', lambda: False)
    guardian, _ = socket.socketpair()
    with guardian, _, pytest.raises(TurretError, match='permission to run in real time'):
        LaserNode(GuardianLink(guardian), context=ros.context, namespace='turret', parameter_overrides=[
            Parameter('driver', value='gpio_digital'), Parameter('no_watchdog_accepted', value=True)])


def test_every_driver_but_the_first_takes_the_duty_for_used_up(tmp_path: Path) -> None:
    """Also that of a new run: the whole turret may have been started again within the duty window."""
    earlier = laser_driver_node._earlier_drivers  # noqa: SLF001  the node asks once
    assert earlier(tmp_path, 'a run') == (False, False)
    assert earlier(tmp_path, 'a run') == (True, True)
    assert earlier(tmp_path, 'another') == (True, False)
    assert earlier(tmp_path, 'another') == (True, True)
    (tmp_path / 'laser.run').unlink()
    (tmp_path / 'laser.run').mkdir()
    assert earlier(tmp_path, 'another') == (True, True), 'it cannot be read'
    assert earlier(tmp_path / 'laser.run' / 'file', 'a run') == (False, False)
    (tmp_path / 'file').touch()
    assert earlier(tmp_path / 'file', 'a run') == (True, True), 'it cannot be noted'


def test_a_driver_that_follows_another_one_does_not_fire_until_the_duty_is_known(
        ros: Any, plant: PlantLink, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def earlier(folder: Path, run: str) -> tuple[bool, bool]:
        calls.append(folder)
        return True, False
    monkeypatch.setattr(laser_driver_node, '_earlier_drivers', earlier)
    rig = Rig(ros, plant)
    rig.arm()
    assert rig.call(srv.Fire, 'fire', pulses=1, pulse_s=0.05).code == ReasonCode.DUTY_EXCEEDED
    assert calls == [runtime_dir('/turret')]


def test_the_times_of_the_driver_fit_those_of_its_guards() -> None:
    assert SafetyParameters().driver_timeout_s / 4 >= laser_driver_node._STATE_PERIOD_S  # noqa: SLF001  it is silent then
    assert laser_driver_node._LAST_WORDS_S < ARMED_SILENCE_S  # noqa: SLF001  the guardian waits no longer either
    assert laser_driver_node._UNSAVED_S == 2.0  # noqa: SLF001  as docs/safety.md says


def test_the_driver_runs_in_real_time_under_its_guardian(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def run(make_node: Any, *, real_time: bool) -> int:
        made.extend((make_node(), real_time))
        return 7
    monkeypatch.setattr(laser_driver_node, 'run', run)
    monkeypatch.setattr(laser_driver_node, 'LaserNode', lambda guardian: guardian)
    assert laser_driver_node.main('the guardian') == 7  # type: ignore[arg-type]
    assert made == ['the guardian', True]


def test_ending_the_node_switches_the_laser_off(rig: Rig) -> None:
    rig.hold()
    rig.node._thread.stop()  # noqa: SLF001  the thread ends without a stop
    assert rig.pin()['level'] == 0.0
    assert rig.pin('indicator')['level'] == 0.0


def test_no_thread_of_the_node_outlives_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def threads() -> set[str]:
        return {thread.name for thread in threading.enumerate()} & {'laser', 'laser topics', 'emission budget'}
    assert len(threads()) == 3
    closed: list[Any] = []
    monkeypatch.setattr(rig.node._permits_in, 'close', lambda: closed.append(None))  # noqa: SLF001  what it waits with
    rig.node.destroy_node()
    wait_until(lambda: not threads())
    assert closed == [None]
    assert list(rig.node.publishers) == []


def test_a_laser_that_cannot_be_driven_any_more_ends_its_process_and_says_why(
        rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    monkeypatch.setattr(rig.node, 'get_logger', lambda: SimpleNamespace(fatal=done.append))
    monkeypatch.setattr(laser_driver_node, 'restore_output', done.append)
    monkeypatch.setattr(laser_driver_node.os, '_exit', done.append)
    rig.node._on_thread_end('broken')  # noqa: SLF001  as its thread does
    assert done == ['the laser cannot be driven any more: broken', 0.01, 1]
    monkeypatch.setattr(rig.node, 'get_logger', lambda: SimpleNamespace(error=done.append))
    rig.node._on_save_error('full')  # noqa: SLF001  as the thread that saves does
    assert done[-1] == 'the emission of this hour cannot be saved: full'


def test_the_pulse_under_way_at_the_end_of_the_node_is_saved(rig: Rig) -> None:
    rig.hold()
    rig.node.destroy_node()
    document = json.loads((state_dir('/turret') / 'emission_budget.json').read_bytes())
    (on_ns, off_ns), = document['data']
    assert on_ns < off_ns <= time.monotonic_ns()


@pytest.mark.parametrize(('name', 'value'), [
    ('pulse_cap_s', 1.1), ('duty_cap', 0.21), ('arm_delay_s', 2.9), ('arm_expiry_s', 31.0), ('cooldown_s', 0.4),
    ('power', 1.1), ('power_cap', 1.1), ('duty_cap', float('nan'))])
def test_unsafe_parameters_refuse_to_start(ros: Any, name: str, value: float) -> None:
    with pytest.raises(TurretError, match=name):
        LaserNode(context=ros.context, namespace='turret', parameter_overrides=[Parameter(name, value=value)])
