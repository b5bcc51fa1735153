# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter

from turret_common.messages.run_key import run_key
from turret_common.reason_codes import ReasonCode
from turret_common.ros import qos
from turret_common.testing.waiting import wait_until
from turret_control.safety.ros_messages import sign_state
from turret_control.status_node import StatusNode
from turret_msgs import msg, srv


class Rig:
    def __init__(self, ros: Any) -> None:
        self.ros = ros
        self.arrivals: list[float] = []
        ros.probe.create_subscription(
            msg.TurretStatus, 'status', lambda _: self.arrivals.append(time.monotonic()), qos.STATUS)
        self.statuses = ros.collect(msg.TurretStatus, 'status', qos.STATUS)
        ros.add(StatusNode(
            context=ros.context, namespace='turret', parameter_overrides=[
                Parameter('expected_nodes', value=['camera', 'laser']), Parameter('start_grace_s', value=0.6)]))
        publisher = ros.probe.create_publisher
        self.laser = publisher(msg.LaserState, 'laser/state', qos.STATE)
        self.gimbal = publisher(msg.GimbalState, 'gimbal/state', qos.STATE)
        self.camera = publisher(msg.CameraState, 'camera/state', qos.STATE)
        self.tracks = publisher(msg.TrackArray, 'vision/tracks', qos.STREAM)

    def faults(self) -> set[tuple[str, int]]:
        return {(fault.node, fault.code) for fault in self.statuses[-1].faults} if self.statuses else set()


@pytest.fixture
def rig(ros: Any) -> Rig:
    return Rig(ros)


def test_the_status_beats_at_2_hz_without_any_node(rig: Rig) -> None:
    wait_until(lambda: len(rig.arrivals) >= 6)
    # Four periods anywhere: a busy machine may delay single messages.
    wait_until(lambda: any(
        (last - first) / 4 == pytest.approx(0.5, abs=0.05)
        for first, last in zip(rig.arrivals[1:], rig.arrivals[5:], strict=False)), 30.0)
    assert [b.seq - a.seq for a, b in zip(rig.statuses[:5], rig.statuses[1:6], strict=True)] == [1] * 5
    last = rig.statuses[-1]
    assert math.isnan(last.camera_age_s)
    assert last.backend == msg.TurretStatus.BACKEND_UNKNOWN
    assert rig.faults() == {('camera', ReasonCode.NODE_SILENT), ('laser', ReasonCode.NODE_SILENT)}


def test_sections_are_what_the_nodes_published_with_their_age(rig: Rig) -> None:
    rig.laser.publish(msg.LaserState(driver='sim', fire_count=7))
    rig.gimbal.publish(msg.GimbalState(driver='sim'))
    wait_until(lambda: rig.statuses and rig.statuses[-1].laser.fire_count == 7)
    assert rig.statuses[-1].backend == msg.TurretStatus.BACKEND_SIMULATION
    before = rig.statuses[-1].laser_age_s
    count = len(rig.statuses)
    wait_until(lambda: len(rig.statuses) >= count + 2)
    assert rig.statuses[-1].laser_age_s == pytest.approx(before + 1.0, abs=0.1)


@pytest.mark.parametrize(('dry_run', 'backend'), [
    (True, msg.TurretStatus.BACKEND_DRY_RUN), (False, msg.TurretStatus.BACKEND_LIVE_LASER)])
def test_a_real_laser_shows(rig: Rig, dry_run: bool, backend: int) -> None:
    rig.laser.publish(msg.LaserState(hardware=True, dry_run=dry_run))
    rig.gimbal.publish(msg.GimbalState())
    wait_until(lambda: rig.statuses and rig.statuses[-1].backend == backend)


def test_a_silent_node_is_a_fault_until_it_returns_and_a_restart_is_reported(rig: Rig) -> None:
    rig.laser.publish(msg.LaserState())
    wait_until(lambda: ('laser', ReasonCode.NODE_SILENT) in rig.faults())
    again = msg.LaserState()
    again.started.sec = 5
    rig.laser.publish(again)
    wait_until(lambda: ('laser', ReasonCode.NODE_RESTARTED) in rig.faults())
    assert ('laser', ReasonCode.NODE_SILENT) not in rig.faults()
    answer = rig.ros.call(srv.GetFaults, 'status/get_faults', srv.GetFaults.Request(active_only=False))
    assert (ReasonCode.NODE_SILENT, False) in {(fault.code, fault.active) for fault in answer.faults}
    answer = rig.ros.call(srv.GetFaults, 'status/get_faults', srv.GetFaults.Request(active_only=True))
    assert all(fault.active for fault in answer.faults)


def test_old_tracks_are_not_shown(rig: Rig) -> None:
    rig.tracks.publish(msg.TrackArray(tracks=[msg.Track(id='7')]))
    wait_until(lambda: rig.statuses and [track.id for track in rig.statuses[-1].tracks] == ['7'])
    wait_until(lambda: not rig.statuses[-1].tracks, 3.0)
    assert rig.statuses[-1].tracks_age_s >= 1.0


def test_diagnostics_name_the_turret_the_hardware_and_the_fault(rig: Rig) -> None:
    arrays = rig.ros.collect(DiagnosticArray, '/diagnostics')

    def newest(node: str) -> DiagnosticStatus | None:
        found = [status for array in arrays for status in array.status if status.name == f'turret/{node}: state']
        return found[-1] if found else None

    def reported(node: str, level: bytes) -> bool:
        status = newest(node)
        return status is not None and status.level == level

    rig.camera.publish(msg.CameraState(
        source='v4l2', rate_hz=30.0, code=ReasonCode.CAMERA_LOST, message='unplugged'))
    wait_until(lambda: reported('camera', DiagnosticStatus.ERROR))
    camera = newest('camera')
    assert camera
    assert (camera.message, camera.hardware_id) == ('unplugged', 'turret/v4l2')
    assert {value.key: value.value for value in camera.values}['rate_hz'] == '30.0'
    wait_until(lambda: reported('laser', DiagnosticStatus.STALE), what='a node that was never seen')
    wait_until(lambda: reported('camera', DiagnosticStatus.STALE), what='a node that fell silent')
    assert reported('safety', DiagnosticStatus.OK)  # not in expected_nodes


def test_a_safety_state_counts_only_under_the_key_of_the_run(rig: Rig) -> None:
    states = rig.ros.probe.create_publisher(msg.SafetyState, 'safety/state', qos.STATE)

    def publish(key: bytes) -> None:
        states.publish(sign_state(msg.SafetyState(software_stop=True, monotonic_ns=time.monotonic_ns()), key))
    wait_until(lambda: rig.statuses and states.get_subscription_count())
    publish(b'another key')
    count = len(rig.statuses)
    wait_until(lambda: len(rig.statuses) >= count + 2)
    assert math.isnan(rig.statuses[-1].safety_age_s)
    publish(run_key('turret'))
    wait_until(lambda: rig.statuses[-1].safety.software_stop)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which systemd hears its services."""
    path = str(tmp_path / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(path)
        heard.setblocking(False)
        monkeypatch.setenv('NOTIFY_SOCKET', path)
        yield heard


def notifications(manager: socket.socket) -> list[bytes]:
    """Return those that have arrived since the last call."""
    found = []
    while True:
        try:
            found.append(manager.recv(1000))
        except BlockingIOError:
            return found


def test_the_watchdog_of_systemd_is_satisfied_while_permits_are_issued(manager: socket.socket, rig: Rig) -> None:
    states = rig.ros.probe.create_publisher(msg.SafetyState, 'safety/state', qos.STATE)

    def later(beats: int, key: bytes | None) -> list[bytes]:
        """Return what systemd hears after that many messages of the status, while safety publishes under a key."""
        end = len(rig.statuses) + beats

        def arrived() -> bool:
            if key is not None:
                states.publish(sign_state(msg.SafetyState(monotonic_ns=time.monotonic_ns()), key))
            return len(rig.statuses) >= end
        wait_until(arrived, 20.0)
        return notifications(manager)

    wait_until(states.get_subscription_count)
    assert later(3, None) == []               # the status beats, and there is no permit
    assert later(3, b'another key') == []
    alive = b'READY=1\nWATCHDOG=1'
    wait_until(lambda: later(1, run_key('turret')), 20.0)
    assert set(later(3, run_key('turret'))) == {alive}
    # Safety is silent. A status arrives before systemd hears of it, so the second one says what came of the first.
    wait_until(lambda: not later(2, None), 20.0)
    assert later(4, None) == []
    wait_until(lambda: later(1, run_key('turret')), 20.0)
