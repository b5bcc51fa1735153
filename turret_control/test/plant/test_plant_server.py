# SPDX-License-Identifier: Apache-2.0
"""The simulated hardware over its socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from turret_common.errors import TurretError
from turret_common.plant_client import PlantError, PlantLink
from turret_common.reason_codes import ReasonCode
from turret_control.plant.plant import Hidden, Plant
from turret_control.plant.server import PlantServer
from turret_control.plant_parameters import PlantParameters

STILL = {'pan': 0.0, 'tilt': 0.0, 'pan_rate': 0.0, 'tilt_rate': 0.0}


class Bench:
    """A served plant and what its ticks saw."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plant = Plant(PlantParameters(), time.monotonic_ns(), Hidden())
        self.ticks: list[int] = []
        self.errors: list[BaseException] = []
        self.server = PlantServer(self.plant, path, self._tick, self.errors.append)
        self.server.start()

    def _tick(self, plant: Plant) -> float:
        self.ticks.append(plant.t_ns)
        return 0.005

    def link(self) -> PlantLink:
        return PlantLink(self.path, timeout_s=2.0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / 'plant.sock')
    yield bench
    bench.server.stop()
    assert bench.errors == []


def wait_for(condition: object, timeout_s: float = 5.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_every_operation_answers(bench: Bench) -> None:
    link = bench.link()
    reading = link.call('read')
    assert set(reading) == {'t', 'pan', 'tilt', 'pan_rate', 'tilt_rate', 'enabled', 'switches'}
    assert abs(time.monotonic_ns() - reading['t']) < 100_000_000
    assert set(reading['switches']) == {
        f'{axis}_{which}' for axis in ('pan', 'tilt') for which in ('lower', 'upper', 'home')}
    assert link.call('enable', on=True)['enabled']
    assert link.call('move', mode='velocity', **{**STILL, 'pan_rate': 0.5})['enabled']
    link.call('pin', name='laser', level=0.5)
    assert link.call('pins')['laser']['level'] == 0.5
    assert link.call('scene', t=time.monotonic_ns())['laser']['on']
    assert link.call('estop') == {'estop': False}
    link.call('set', name='estop', value=True)
    assert link.call('estop') == {'estop': True}
    link.call('set', name='scenario', value='ramp_60')
    assert [target['kind'] for target in link.call('scene', t=time.monotonic_ns())['targets']] == ['balloon']
    link.call('set', name='push', value=[0.1, 0.0])
    link.close()


@pytest.mark.parametrize('request_', [
    {'op': 'explode'}, {'op': ['read']}, {'op': 'pin', 'name': 'laser'},
    {'op': 'pin', 'name': 'laser', 'level': 'high'}, {'op': 'pin', 'name': 'laser', 'level': 2},
    {'op': 'scene', 't': 0}, {'op': 'scene', 't': float('nan')}, {'op': 'scene', 't': 10 ** 400},
    {'op': 'set', 'name': 'gravity', 'value': 1}, {'op': 'set', 'name': 7, 'value': 1},
    {'op': 'set', 'name': 'scenario', 'value': 'nonsense'}, {'op': 'set', 'name': 'push', 'value': 3},
    {'op': 'move', 'mode': 'fly', **STILL}, {'op': 'move', 'mode': 'velocity', 'speed': 1}, {'op': 'read', 'x': 1},
    {}, [], 3, None])
def test_requests_that_make_no_sense_are_refused_and_harm_nothing(bench: Bench, request_: object) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(bench.path))
        link.settimeout(2.0)
        link.sendall(json.dumps(request_).encode() + b'\n')
        answer = json.loads(link.recv(65536))
    assert answer['ok'] is False
    assert answer['error']
    assert bench.link().call('read')['enabled'] is False


def test_noise_on_the_socket_ends_only_that_connection(bench: Bench) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(bench.path))
        link.settimeout(2.0)
        link.sendall(b'not json\n')
        assert not json.loads(link.recv(65536))['ok']
        wait_for(lambda: not _takes(link, b'x' * 10_000))
    assert 't' in bench.link().call('read')


def _takes(link: socket.socket, data: bytes) -> bool:
    try:
        link.sendall(data)
    except OSError:
        return False
    return True


def test_a_pin_keeps_its_level_when_its_driver_goes(bench: Bench) -> None:
    link = bench.link()
    link.call('pin', name='laser', level=1.0)
    link.close()
    wait_for(lambda: bench.ticks)
    assert bench.link().call('pins')['laser']['level'] == 1.0


def test_the_head_stops_when_its_driver_goes_but_not_when_another_one_does(bench: Bench) -> None:
    mover, other = bench.link(), bench.link()
    mover.call('enable', on=True)
    other.call('read')
    mover.call('move', mode='velocity', **{**STILL, 'pan_rate': 0.2})
    wait_for(lambda: mover.call('read')['pan_rate'] > 0.19)
    other.close()
    watcher = bench.link()
    time.sleep(0.1)
    assert watcher.call('read')['pan_rate'] == pytest.approx(0.2)
    mover.close()
    wait_for(lambda: watcher.call('read')['pan_rate'] == 0.0)
    watcher.close()


def test_the_tick_says_when_it_comes_again(bench: Bench) -> None:
    wait_for(lambda: len(bench.ticks) > 20)
    gaps = sorted(b - a for a, b in zip(bench.ticks, bench.ticks[1:], strict=False))
    assert gaps[len(gaps) // 2] == pytest.approx(5e6, abs=2e6)


def test_an_error_in_the_tick_is_reported(tmp_path: Path) -> None:
    def fail(_: Plant) -> float:
        raise RuntimeError('broken')

    errors: list[BaseException] = []
    server = PlantServer(Plant(PlantParameters(), time.monotonic_ns()), tmp_path / 'plant.sock', fail, errors.append)
    server.start()
    wait_for(lambda: errors)
    server.stop()


def test_a_second_plant_is_refused_but_a_dead_ones_socket_is_not(bench: Bench, tmp_path: Path) -> None:
    plant = Plant(PlantParameters(), time.monotonic_ns())
    with pytest.raises(TurretError) as refusal:
        PlantServer(plant, bench.path, lambda plant: 1.0, bench.errors.append).start()
    assert refusal.value.code is ReasonCode.ALREADY_EXISTS
    stale = tmp_path / 'stale.sock'
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    server = PlantServer(plant, stale, lambda plant: 1.0, bench.errors.append)
    server.start()
    assert stale.stat().st_mode & 0o777 == 0o600
    server.stop()
    assert not stale.exists()


def test_without_a_plant_the_link_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlantError) as refusal:
        PlantLink(tmp_path / 'nothing.sock').call('read')
    assert refusal.value.code is ReasonCode.IO_ERROR


def test_at_the_end_drivers_are_served_until_they_are_gone(bench: Bench) -> None:
    driver, viewer = bench.link(), bench.link()
    driver.call('pin', name='laser', level=1.0)
    viewer.call('pins')
    ending = threading.Thread(target=bench.server.stop, args=(60.0,))
    ending.start()
    for level in (0.5, 0.0):
        driver.call('pin', name='laser', level=level)
        assert bench.plant.pins['laser'].level == level
        assert ending.is_alive()
    driver.close()
    ending.join(10.0)
    assert not ending.is_alive()
    with pytest.raises(PlantError):
        viewer.call('pins')


def test_a_driver_that_stays_does_not_keep_it_running(bench: Bench) -> None:
    driver = bench.link()
    driver.call('pin', name='laser', level=0.0)
    bench.server.stop(0.05)
    assert not bench.path.exists()
