# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from turret_camera.camera_parameters import CameraParameters
from turret_camera.frame import Frame, StampSource
from turret_camera.grabber import Grabber, Status
from turret_camera.sources.source import EndOfFootageError, ImageSource
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until

LOST = TurretError(ReasonCode.IO_ERROR, 'gone')


class Clock:
    """Time that passes only when a test advances it."""

    def __init__(self) -> None:
        self.t_ns = 0

    def now_ns(self) -> int:
        return self.t_ns

    def sleep_until(self, t_ns: int) -> None:
        self.t_ns = max(self.t_ns, t_ns)


class Scripted(ImageSource):
    """Follows a script: True = a frame 40 ms later, an error = raise it. Opening takes a step too."""

    hardware = False
    stamp_source = StampSource.SIMULATED
    detail = 'script'

    def __init__(self, clock: Clock, script: Callable[[], Iterator[Any]], parameters: Any = None) -> None:
        super().__init__(parameters or CameraParameters())
        self.clock = clock
        self.steps = script()
        self.opened = self.closed = 0
        self.sizes: list[int] = []

    def _step(self) -> None:
        step = next(self.steps)
        if isinstance(step, Exception):
            raise step

    def open(self) -> None:
        self._step()
        self.opened += 1
        self.sizes.append(self.parameters.width)

    def read(self) -> Frame:
        self.clock.t_ns += 40_000_000
        self._step()
        return Frame(self.clock.t_ns, self.camera(64, 48), dropped=1)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def run() -> Iterator[Callable[..., Grabber]]:
    made: list[Grabber] = []

    def make(source: Scripted, deliver: Callable[[Frame], None] = lambda frame: None) -> Grabber:
        made.append(Grabber(source, source.clock, deliver, changed=lambda: None))
        made[-1].start()
        return made[-1]
    yield make
    for grabber in made:
        grabber.stop()


def forever(*first: Any) -> Callable[[], Iterator[Any]]:
    """Return a script that begins with ``first`` and then continues with frames."""
    def script() -> Iterator[Any]:
        yield from first
        while True:
            yield True
    return script


def then_block(*first: Any) -> Callable[[], Iterator[Any]]:
    """Return a script that ends with a read that hangs until the test is over."""
    def script() -> Iterator[Any]:
        yield from first
        threading.Event().wait(1.0)
        yield LOST
        while True:
            yield LOST
    return script


def test_frames_are_delivered_counted_and_timed(run: Any) -> None:
    frames: list[Frame] = []
    grabber = run(Scripted(Clock(), then_block(True, *[True] * 20)), frames.append)
    wait_until(lambda: len(frames) == 20)
    state = grabber.state()
    assert (state.status, state.code) == (Status.STREAMING, ReasonCode.OK)
    assert (state.frames, state.dropped) == (20, 20)
    assert grabber.rate_hz() == pytest.approx(25.0)
    assert grabber.newest is frames[-1]


def test_a_camera_that_was_never_there_is_absent(run: Any) -> None:
    grabber = run(Scripted(Clock(), then_block(LOST, LOST)))
    wait_until(lambda: grabber.state().code)
    state = grabber.state()
    assert (state.status, state.code, state.message) == (Status.STARTING, ReasonCode.CAMERA_ABSENT, 'gone')


@pytest.mark.parametrize('error', [LOST, RuntimeError('a bug in a driver')], ids=['refusal', 'bug'])
def test_a_lost_camera_is_opened_again(run: Any, error: Exception) -> None:
    source = Scripted(Clock(), then_block(True, True, error, LOST, True, True))
    grabber = run(source)
    wait_until(lambda: grabber.state().frames == 2)
    assert source.opened == 2
    assert source.closed >= 2
    assert (grabber.state().status, grabber.state().code) == (Status.STREAMING, ReasonCode.OK)


def test_a_hanging_camera_is_not_streaming(run: Any) -> None:
    clock = Clock()
    grabber = run(Scripted(clock, then_block(True, True)))
    wait_until(lambda: grabber.state().status is Status.STREAMING)
    clock.t_ns += 3_000_000_000
    state = grabber.state()
    assert (state.status, state.code) == (Status.RECOVERING, ReasonCode.NO_FRAMES)


def test_footage_that_ended_begins_again_when_set_to_loop(run: Any) -> None:
    end = EndOfFootageError(ReasonCode.NO_FRAMES, 'over')
    source = Scripted(Clock(), then_block(True, True, end, True, True), CameraParameters(loop=False))
    grabber = run(source)
    wait_until(lambda: grabber.state().status is Status.ENDED)
    grabber.configure(dataclasses.replace(source.parameters, brightness=0.1))
    assert source.opened == 1
    grabber.configure(dataclasses.replace(source.parameters, loop=True))
    wait_until(lambda: grabber.state().frames == 2)
    assert source.opened == 2


def test_another_size_opens_the_source_again_and_other_settings_do_not(run: Any) -> None:
    source = Scripted(Clock(), forever())
    grabber = run(source)
    wait_until(lambda: grabber.state().frames > 3)
    grabber.configure(dataclasses.replace(source.parameters, brightness=0.1))
    wait_until(lambda: source.parameters.brightness == 0.1)
    assert source.opened == 1
    grabber.configure(dataclasses.replace(source.parameters, width=320))
    wait_until(lambda: source.opened == 2)
    assert source.sizes == [640, 320]


def test_stopping_closes_the_source(run: Any) -> None:
    source = Scripted(Clock(), forever())
    grabber = run(source)
    wait_until(lambda: grabber.state().frames)
    grabber.stop()
    assert source.closed == 1


def test_what_is_read_after_stopping_is_delivered_to_no_one(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_camera.grabber._LEAVE_S', 0.01)
    reading, released = threading.Event(), threading.Event()

    class Hanging(Scripted):
        def read(self) -> Frame:
            reading.set()
            released.wait(10.0)
            return super().read()

    source, delivered = Hanging(Clock(), forever()), []
    grabber = run(source, delivered.append)
    assert reading.wait(10.0)
    grabber.stop()
    released.set()
    wait_until(lambda: source.closed)
    assert delivered == []
