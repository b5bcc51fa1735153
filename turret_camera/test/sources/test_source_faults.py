# SPDX-License-Identifier: Apache-2.0
"""What every source survives: being started late, unplugged, fed garbage and stopped. ``topic`` is tested in ros/."""

from __future__ import annotations

import dataclasses
import http.server
import shutil
import sys
import threading
import types
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from test_sources import (
    CLOCK,
    SMALL,
    FakeCapture,
    FakeControls,
    FakePicamera2,
    MjpegHandler,
    make_video,
    numbered_image,
)

from turret_camera.frame import Frame, encode_jpeg
from turret_camera.grabber import Grabber, Status
from turret_camera.sources.registry import make_source
from turret_camera.sources.source import ImageSource, SourceContext
from turret_camera.sources.v4l2 import V4l2Source
from turret_common.plant_client import plant_socket
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until

GARBAGE = bytes(range(256)) * 40


class World(ABC):
    """What a source reads, and what can happen to it."""

    def __init__(self, folder: Path, make_plant: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.make_plant, self.monkeypatch = folder, make_plant, monkeypatch

    @abstractmethod
    def source(self) -> ImageSource:
        """Return the source, not open."""

    @abstractmethod
    def appear(self) -> None:
        """Be there, and good."""

    @abstractmethod
    def vanish(self) -> None:
        """Be gone."""

    @abstractmethod
    def spoil(self) -> None:
        """Deliver garbage."""

    def made(self, **changes: Any) -> ImageSource:
        return make_source(SourceContext(dataclasses.replace(SMALL, **changes), CLOCK, plant=plant_socket('turret')))


class SimWorld(World):
    plant: Any = None

    def source(self) -> ImageSource:
        return self.made(source='sim')

    def appear(self) -> None:
        self.vanish()
        self.plant = self.make_plant()

    def vanish(self) -> None:
        if self.plant is not None:
            self.plant.die()
        self.plant = None

    def spoil(self) -> None:
        self.plant.scene = {'pan': 'left', 'camera': None}


class FileWorld(World):
    def source(self) -> ImageSource:
        self.make_plant()
        return self.made(source='file', video_file=str(self.folder / 'film.mp4'))

    def appear(self) -> None:
        make_video(self.folder / 'new.mp4').replace(self.folder / 'film.mp4')

    def vanish(self) -> None:
        (self.folder / 'film.mp4').unlink(missing_ok=True)

    def spoil(self) -> None:
        (self.folder / 'new').write_bytes(GARBAGE)
        (self.folder / 'new').replace(self.folder / 'film.mp4')


class ImagesWorld(World):
    def source(self) -> ImageSource:
        self.make_plant()
        return self.made(source='images', images=str(self.folder / 'shots'))

    def appear(self) -> None:
        self.vanish()
        (self.folder / 'shots').mkdir()
        for i in range(3):
            cv2.imwrite(str(self.folder / 'shots' / f'{i}.png'), numbered_image(i))

    def vanish(self) -> None:
        shutil.rmtree(self.folder / 'shots', ignore_errors=True)

    def spoil(self) -> None:
        (self.folder / 'shots' / '1.png').write_bytes(GARBAGE)


class V4l2World(World):
    class Capture(FakeCapture):
        spoilt: ClassVar[bool] = False

        def read(self) -> tuple[bool, Any]:
            grabbed, data = super().read()
            return (grabbed, np.frombuffer(GARBAGE, np.uint8)[None]) if self.spoilt else (grabbed, data)

    def source(self) -> ImageSource:
        device = self.folder / 'video0'
        p = dataclasses.replace(SMALL, device=str(device))
        return V4l2Source(p, CLOCK, None, self.Capture, FakeControls)  # type: ignore[arg-type]

    def appear(self) -> None:
        (self.folder / 'video0').touch()
        self.monkeypatch.setattr(self.Capture, 'plugged', True)
        self.monkeypatch.setattr(self.Capture, 'spoilt', False)

    def vanish(self) -> None:
        (self.folder / 'video0').unlink(missing_ok=True)
        self.monkeypatch.setattr(self.Capture, 'plugged', False)

    def spoil(self) -> None:
        self.monkeypatch.setattr(self.Capture, 'spoilt', True)


class StreamWorld(World):
    server: http.server.ThreadingHTTPServer | None = None
    spoilt = False

    def source(self) -> ImageSource:
        self.appear()
        assert self.server is not None
        self.port = self.server.server_address[1]
        self.vanish()
        return self.made(source='stream', url=f'http://127.0.0.1:{self.port}/video')

    def appear(self) -> None:
        self.vanish()
        self.spoilt = False
        world = self
        self.alive = threading.Event()
        alive = self.alive

        class Handler(MjpegHandler):
            def jpegs(self) -> Iterator[bytes]:
                while not alive.wait(0.003):
                    yield GARBAGE if world.spoilt else encode_jpeg(numbered_image(1), 90)

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(('127.0.0.1', getattr(self, 'port', 0)), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def vanish(self) -> None:
        if self.server is not None:
            self.alive.set()
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def spoil(self) -> None:
        self.spoilt = True


class PicameraWorld(World):
    class Camera(FakePicamera2):
        there: ClassVar[bool] = False
        spoilt: ClassVar[bool] = False

        def start(self) -> None:
            if not self.there:
                raise RuntimeError('no cameras available')

        def capture_request(self) -> Any:
            if not self.there:
                raise RuntimeError('camera frontend has timed out')
            request = super().capture_request()
            if self.spoilt:
                request.get_metadata = dict
            return request

    def source(self) -> ImageSource:
        self.monkeypatch.setitem(sys.modules, 'picamera2', types.SimpleNamespace(Picamera2=self.Camera))
        return self.made(source='picamera2')

    def appear(self) -> None:
        self.monkeypatch.setattr(self.Camera, 'there', True)
        self.monkeypatch.setattr(self.Camera, 'spoilt', False)

    def vanish(self) -> None:
        self.monkeypatch.setattr(self.Camera, 'there', False)

    def spoil(self) -> None:
        self.monkeypatch.setattr(self.Camera, 'spoilt', True)


@pytest.fixture(params=[SimWorld, FileWorld, ImagesWorld, V4l2World, StreamWorld, PicameraWorld],
                ids=lambda world: world.__name__.removesuffix('World').lower())
def world(request: pytest.FixtureRequest, tmp_path: Path, make_plant: Callable[[], Any],
          monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr('turret_camera.grabber._RETRY_S', (0.01,))
    made: World = request.param(tmp_path, make_plant, monkeypatch)
    yield made
    made.vanish()


class Run:
    """A source that is being read."""

    def __init__(self, world: World) -> None:
        self.frames: list[Frame] = []
        self.source = world.source()
        self.grabber = Grabber(self.source, CLOCK, self.frames.append, changed=lambda: None)
        self.grabber.start()

    def wait_for_images(self) -> None:
        """Wait for whole images that are read from now on."""
        before = len(self.frames)
        wait_until(lambda: len(self.frames) > before + 2 and self.grabber.state().status is Status.STREAMING)
        assert self.frames[-1].pixels().shape == (120, 160, 3)


@pytest.fixture
def run(world: World) -> Iterator[Run]:
    made = Run(world)
    yield made
    made.grabber.stop()


def test_a_source_that_comes_late_is_used(world: World, run: Run) -> None:
    wait_until(lambda: run.grabber.state().code)
    state = run.grabber.state()
    assert (state.status, state.code) == (Status.STARTING, ReasonCode.CAMERA_ABSENT)
    assert state.message
    assert '\n' not in state.message
    world.appear()
    run.wait_for_images()


def test_an_unplugged_source_is_lost_and_used_again(world: World, run: Run) -> None:
    world.appear()
    run.wait_for_images()
    for _ in range(2):
        world.vanish()
        wait_until(lambda: run.grabber.state().code is ReasonCode.CAMERA_LOST)
        assert run.grabber.state().status is Status.RECOVERING
        world.appear()
        run.wait_for_images()


def test_garbage_is_a_fault_and_no_image(world: World, run: Run) -> None:
    world.appear()
    run.wait_for_images()
    world.spoil()
    wait_until(lambda: run.grabber.state().code is ReasonCode.CAMERA_LOST)
    assert all(frame.pixels().shape == (120, 160, 3) for frame in run.frames[-5:])
    world.appear()
    run.wait_for_images()


def test_a_stopped_source_delivers_nothing_and_can_be_used_by_another(world: World, run: Run) -> None:
    world.appear()
    run.wait_for_images()
    run.grabber.stop()
    assert not run.grabber._thread.is_alive()  # noqa: SLF001  a leaked thread has no public sign
    count = len(run.frames)
    again = Grabber(run.source, CLOCK, run.frames.append, changed=lambda: None)
    again.start()
    wait_until(lambda: len(run.frames) > count + 2)
    again.stop()
