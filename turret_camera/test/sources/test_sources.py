# SPDX-License-Identifier: Apache-2.0
"""What every source promises, on stand-ins for the things that they read."""

from __future__ import annotations

import dataclasses
import http.server
import itertools
import math
import os
import re
import struct
import sys
import threading
import types
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from turret_camera.camera_parameters import CameraParameters
from turret_camera.frame import StampSource, encode_jpeg, jpeg_size
from turret_camera.simulation.ray_sampler import View
from turret_camera.sources.footage import FileSource, ImagesSource, check, look, read_footage
from turret_camera.sources.registry import make_source
from turret_camera.sources.simulation import SimSource
from turret_camera.sources.source import EndOfFootageError, ImageSource, SourceContext
from turret_camera.sources.stream import StreamSource
from turret_camera.sources.v4l2 import V4l2Source
from turret_camera.sources.v4l2_controls import Control, Range
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera, bearing_to_pixel, pixel_to_bearing
from turret_common.plant_client import PlantLink, plant_socket
from turret_common.pose_history import Pose
from turret_common.threads.clock import MonotonicClock

SMALL = CameraParameters(width=160, height=120, rate_hz=100.0)
CLOCK = MonotonicClock()
STARTS_MS = (0, 20, 80, 100, 160, 180, 240, 260)


class Clock:
    """Time that passes only in a sleep, or when a test advances it."""

    def __init__(self) -> None:
        self.t_ns = 1_000_000_000

    def now_ns(self) -> int:
        return self.t_ns

    def sleep_until(self, t_ns: int) -> None:
        self.t_ns = max(self.t_ns, t_ns)


def numbered_image(i: int) -> Any:
    """Return an image whose gray level is its number."""
    return np.full((120, 160, 3), 40 + 20 * (i % 8), np.uint8)


def make_video(path: Path) -> Path:
    """Write a video of 8 images, shown at :data:`STARTS_MS`."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=50, options={'crf': '10', 'bf': '0'})
        stream.width, stream.height, stream.pix_fmt = 160, 120, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, start_ms in enumerate(STARTS_MS):
            frame = av.VideoFrame.from_ndarray(numbered_image(i), 'bgr24')
            frame.pts, frame.time_base = start_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


class FakeCapture:
    """Stands in for ``cv2.VideoCapture`` on a webcam that gives JPEG; every third frame is damaged."""

    plugged = True

    def __init__(self, device: str, backend: int) -> None:
        assert backend == cv2.CAP_V4L2
        self._values: dict[int, float] = {}
        self._taken = 0

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return self.plugged

    def set(self, key: int, value: float) -> bool:
        self._values[key] = value
        return True

    def get(self, key: int) -> float:
        if key == cv2.CAP_PROP_POS_MSEC:
            return CLOCK.now_ns() * 1e-6 - 3.0
        return self._values.get(key, 0.0)

    def read(self) -> tuple[bool, Any]:
        threading.Event().wait(0.005)
        self._taken += 1
        jpeg = encode_jpeg(numbered_image(self._taken), 90)
        if self._taken % 3 == 0:
            jpeg = jpeg[:len(jpeg) // 2]
        return self.plugged, np.frombuffer(jpeg, np.uint8)[None]

    def release(self) -> None:
        pass


class FakeControls:
    """Stands in for the controls of a webcam that has neither focus nor color gains."""

    ranges = {  # noqa: RUF012
        Control.EXPOSURE_AUTO: Range(0, 3, 1, 3), Control.EXPOSURE_ABSOLUTE: Range(3, 2047, 1, 250),
        Control.GAIN: Range(0, 255, 1, 0), Control.AUTO_WHITE_BALANCE: Range(0, 1, 1, 1),
        Control.WHITE_BALANCE_TEMPERATURE: Range(2000, 6500, 10, 4000), Control.BRIGHTNESS: Range(-64, 64, 1, 0)}
    values: dict[Control, int] = {}  # noqa: RUF012

    def __init__(self, device: Path) -> None:
        self.values.clear()
        self.values.update({control: found.default for control, found in self.ranges.items()})

    def range(self, control: Control) -> Range | None:
        return self.ranges.get(control)

    def get(self, control: Control) -> int:
        return self.values[control]

    def set(self, control: Control, value: int) -> None:
        self.values[control] = value

    def close(self) -> None:
        pass


class FakePicamera2:
    """Stands in for ``picamera2.Picamera2``."""

    camera_properties = {'Model': 'imx708'}  # noqa: RUF012
    camera_controls: dict[str, Any] = {}  # noqa: RUF012
    applied: dict[str, Any] = {}  # noqa: RUF012

    def create_video_configuration(self, main: Any, buffer_count: int, controls: Any) -> Any:
        assert main['format'] == 'RGB888'
        self.applied.update(controls)
        self._size = main['size']

    def configure(self, configuration: Any) -> None:
        pass

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.applied.update(controls)

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass

    def capture_request(self) -> Any:
        threading.Event().wait(0.005)
        metadata = {
            'SensorTimestamp': CLOCK.now_ns(), 'ExposureTime': 8000, 'AnalogueGain': 2.0, 'ColorGains': (1.5, 1.7)}
        return types.SimpleNamespace(
            make_array=lambda _: np.zeros((self._size[1], self._size[0], 3), np.uint8),
            get_metadata=lambda: metadata, release=lambda: None)


class MjpegHandler(http.server.BaseHTTPRequestHandler):
    def jpegs(self) -> Iterator[bytes]:
        return (encode_jpeg(numbered_image(i), 90) for i in range(200))

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        for jpeg in self.jpegs():
            head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n'
            try:
                self.wfile.write(head.encode() + jpeg + b'\r\n')
            except OSError:
                return

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def mjpeg_url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), MjpegHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f'http://user:secret@127.0.0.1:{server.server_address[1]}/video'
        server.shutdown()


@pytest.fixture(params=['sim', 'file', 'images', 'v4l2', 'stream', 'picamera2'])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageSource]:
    """Every source, each on something that works."""
    kind = request.param
    p = dataclasses.replace(SMALL, source=kind)
    if kind in ('sim', 'file', 'images'):
        request.getfixturevalue('make_plant')()
    if kind == 'file':
        p = dataclasses.replace(p, video_file=str(make_video(tmp_path / 'video.mp4')))
    if kind == 'images':
        for i in range(4):
            cv2.imwrite(str(tmp_path / f'{i}.png'), numbered_image(i))
        p = dataclasses.replace(p, images=str(tmp_path))
    if kind == 'v4l2':
        device = tmp_path / 'video0'
        device.touch()
        monkeypatch.setattr(FakeCapture, 'plugged', True)
        made: ImageSource = V4l2Source(
            dataclasses.replace(p, device=str(device)), CLOCK, None, FakeCapture, FakeControls)  # type: ignore[arg-type]
    else:
        if kind == 'stream':
            p = dataclasses.replace(p, url=request.getfixturevalue('mjpeg_url'))
        monkeypatch.setitem(sys.modules, 'picamera2', types.SimpleNamespace(Picamera2=FakePicamera2))
        made = make_source(SourceContext(p, CLOCK, plant=plant_socket('turret')))
    yield made
    made.close()


def test_frames_are_whole_and_their_stamps_grow(source: ImageSource) -> None:
    source.open()
    before = -math.inf
    for _ in range(6):
        frame = source.read()
        assert before < frame.stamp_ns <= CLOCK.now_ns()
        assert CLOCK.now_ns() - frame.stamp_ns < 1e9
        assert frame.pixels().shape == (frame.camera.height, frame.camera.width, 3) == (120, 160, 3)
        assert frame.pixels().dtype == np.uint8
        assert jpeg_size(frame.jpeg(80)) == (160, 120)
        before = frame.stamp_ns
    assert source.stamp_source is not StampSource.UNKNOWN


def test_it_can_be_closed_and_opened_again(source: ImageSource) -> None:
    source.close()
    for _ in range(2):
        source.open()
        source.read()
        source.close()
        source.close()


def test_live_parameters_are_taken_while_it_runs(source: ImageSource) -> None:
    source.open()
    source.read()
    source.configure(dataclasses.replace(
        source.parameters, auto_exposure=False, exposure_us=5000, auto_white_balance=False,
        white_balance_mode='daylight', brightness=0.5))
    for _ in range(20):
        frame = source.read()
    if source.parameters.source in ('sim', 'v4l2'):
        assert frame.settings.exposure_us == 5000.0
        assert frame.settings.brightness == 0.5
    if source.parameters.source == 'v4l2':
        assert FakeControls.values[Control.EXPOSURE_AUTO] == 1
        assert FakeControls.values[Control.EXPOSURE_ABSOLUTE] == 50
        assert FakeControls.values[Control.WHITE_BALANCE_TEMPERATURE] == 5600
        assert FakeControls.values[Control.BRIGHTNESS] == 32
    if source.parameters.source == 'picamera2':
        assert FakePicamera2.applied['ExposureTime'] == 5000
        assert FakePicamera2.applied['AwbMode'] == 5


@pytest.mark.parametrize('changes', [
    {'source': 'sim'}, {'source': 'file', 'video_file': '/nowhere/film.mp4'},
    {'source': 'images', 'images': '/nowhere'},
    {'source': 'v4l2', 'device': '/dev/nothing'}, {'source': 'stream', 'url': 'http://127.0.0.1:9/x'},
    {'source': 'stream', 'url': 'file:///etc/passwd'}, {'source': 'picamera2'},
], ids=str)
def test_what_is_not_there_is_refused_in_one_sentence(changes: dict[str, Any]) -> None:
    absent = make_source(SourceContext(dataclasses.replace(SMALL, **changes), CLOCK, plant=plant_socket('turret')))
    with pytest.raises(TurretError) as refusal:
        absent.open()
    assert refusal.value.message
    assert '\n' not in refusal.value.message
    absent.close()


@pytest.mark.parametrize('name', ['video_file', 'images'])
def test_garbage_is_refused(name: str, tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    garbage = tmp_path / 'garbage.png'
    garbage.write_bytes(bytes(range(256)) * 8)
    kind = 'file' if name == 'video_file' else 'images'
    p = dataclasses.replace(SMALL, **{'source': kind, name: str(garbage)})
    with pytest.raises(TurretError, match='garbage'):
        make_source(SourceContext(p, CLOCK, plant=plant_socket('turret'))).open()


def test_the_address_of_a_stream_is_shown_without_its_password(mjpeg_url: str) -> None:
    shown = StreamSource(dataclasses.replace(SMALL, url=mjpeg_url), CLOCK).detail
    assert shown.startswith('http://127.0.0.1:')
    assert 'secret' not in shown


def test_an_unplugged_camera_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'video0').touch()
    p = dataclasses.replace(SMALL, device=str(tmp_path / 'video0'))
    camera = V4l2Source(p, CLOCK, None, FakeCapture, FakeControls)  # type: ignore[arg-type]
    camera.open()
    camera.read()
    monkeypatch.setattr(FakeCapture, 'plugged', False)
    with pytest.raises(TurretError, match='delivers no more'):
        camera.read()


def test_jpeg_of_the_device_is_passed_on_and_damaged_ones_are_counted(tmp_path: Path) -> None:
    (tmp_path / 'video0').touch()
    p = dataclasses.replace(SMALL, device=str(tmp_path / 'video0'))
    camera = V4l2Source(p, CLOCK, None, FakeCapture, FakeControls)  # type: ignore[arg-type]
    camera.open()
    frames = [camera.read() for _ in range(4)]
    assert frames[0].jpeg(10) == encode_jpeg(numbered_image(1), 90)  # the device's own, not one of quality 10
    assert [frame.dropped for frame in frames] == [0, 0, 1, 0]


def test_footage_keeps_its_own_times_and_continues_at_its_end(tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    p = dataclasses.replace(SMALL, video_file=str(make_video(tmp_path / 'video.mp4')), rate_hz=5.0)
    film = FileSource(p, PlantLink(plant_socket('turret')), Clock())
    film.open()
    frames = [film.read() for _ in range(12)]
    times = [round((frame.stamp_ns - frames[0].stamp_ns) * 1e-6) for frame in frames]
    assert times == [*STARTS_MS, *(280 + t for t in STARTS_MS[:4])]
    assert [round((float(f.pixels()[60, 80, 0]) - 40) / 20) for f in frames] == [*range(8), *range(4)]


def test_footage_that_does_not_loop_ends(tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    p = dataclasses.replace(SMALL, video_file=str(make_video(tmp_path / 'video.mp4')), loop=False)
    film = FileSource(p, PlantLink(plant_socket('turret')), Clock())
    film.open()
    for _ in STARTS_MS:
        film.read()
    with pytest.raises(EndOfFootageError):
        film.read()


def test_an_elementary_h264_stream_is_played_at_its_rate(tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    path = tmp_path / 'raw.h264'
    with av.open(str(path), 'w', format='h264') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for i in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * i, np.uint8), format='bgr24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    film = FileSource(
        dataclasses.replace(SMALL, video_file=str(path)), PlantLink(plant_socket('turret')), Clock())
    film.open()
    frames = [film.read() for _ in range(8)]
    gaps = [b.stamp_ns - a.stamp_ns for a, b in itertools.pairwise(frames)]
    assert gaps == pytest.approx([40_000_000] * 7, abs=2)


@pytest.mark.skipif(not hasattr(av.VideoFrame, 'rotation'), reason='PyAV before 13 does not report the rotation')
@pytest.mark.parametrize(('matrix', 'corner'), [((0, 1, -1, 0), (0, -1)), ((-1, 0, 0, -1), (-1, -1))])
def test_the_rotation_that_a_phone_wrote_is_applied(
        matrix: tuple[int, ...], corner: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / 'phone.mp4'
    image = np.zeros((48, 96, 3), np.uint8)
    image[:24, :48] = 255  # the top left corner of what is stored
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 48, 'yuv420p'
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='bgr24')))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    at = data.index(b'tkhd') + 44
    a, b, c, d = (v << 16 for v in matrix)
    data[at:at + 36] = struct.pack('>9i', a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    film = FileSource(
        dataclasses.replace(SMALL, video_file=str(path)), PlantLink(plant_socket('turret')), Clock())
    first = next(film.frames()).pixels
    assert first.shape[:2] == ((96, 48) if matrix[0] == 0 else (48, 96))
    assert first[corner].mean() > 200.0
    assert first[tuple(-1 - v for v in corner)].mean() < 50.0


def test_footage_that_comes_too_late_is_left_out(tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    clock = Clock()
    p = dataclasses.replace(SMALL, video_file=str(make_video(tmp_path / 'video.mp4')))
    film = FileSource(p, PlantLink(plant_socket('turret')), clock)
    film.open()
    film.read()
    clock.t_ns += 320_000_000  # everything up to 220 ms is more than 100 ms late now
    late = film.read()
    assert late.dropped == 5
    assert round((late.pixels()[60, 80, 0] - 40) / 20) == 6


def test_images_named_by_a_pattern_come_in_order(tmp_path: Path, make_plant: Callable[[], Any]) -> None:
    make_plant()
    for i in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f'shot{i}.png'), numbered_image(i))
    cv2.imwrite(str(tmp_path / 'other.png'), numbered_image(7))
    shots = ImagesSource(
        dataclasses.replace(SMALL, images=str(tmp_path / 'shot*.png')), PlantLink(plant_socket('turret')), CLOCK)
    shots.open()
    assert [(int(shots.read().pixels()[60, 80, 0]) - 40) // 20 for _ in range(4)] == [0, 1, 2, 0]


@pytest.mark.parametrize('pose', [(0.0, 0.0), (0.3, 0.1), (-0.25, -0.12)])
def test_the_virtual_head_sees_footage_where_geometry_says(pose: tuple[float, float]) -> None:
    """A dot of the image is seen at the pixel of its bearing, from every pose."""
    footage = np.zeros((432, 768, 3), np.uint8)
    footage[180:183, 400:403] = 255
    bearing = pixel_to_bearing(PinholeCamera.from_field_of_view(768, 432, 1.6), 401.0, 181.0, 0.0, 0.0)
    camera = PinholeCamera.from_field_of_view(640, 480, 1.047)
    expected = bearing_to_pixel(camera, bearing, *pose)
    assert expected is not None
    light = look(footage, 1.6, View(camera), Pose(*pose))[..., 0].astype(float)
    light[light <= 40] = 0.0  # what is beyond the image
    rows, columns = np.mgrid[:480, :640]
    assert (columns * light).sum() / light.sum() == pytest.approx(expected[0], abs=0.3)
    assert (rows * light).sum() / light.sum() == pytest.approx(expected[1], abs=0.3)


def test_behind_the_footage_there_is_gray() -> None:
    white = np.full((432, 768, 3), 255, np.uint8)
    view = View(PinholeCamera.from_field_of_view(160, 120, 1.047))
    for pan in (1.8, 3.1, -2.5):
        assert np.unique(look(white, 1.6, view, Pose(pan, 0.0))).tolist() == [40]


def test_simulated_frames_are_late_and_get_lost_as_asked(make_plant: Callable[[], Any]) -> None:
    plant, clock = make_plant(), Clock()
    sim = dataclasses.replace(SMALL.sim, latency_s=0.05, loss=0.5)
    camera = SimSource(dataclasses.replace(SMALL, sim=sim), PlantLink(plant_socket('turret')), clock)
    camera.open()
    frames = []
    for _ in range(40):
        frames.append(camera.read())
        assert clock.now_ns() - frames[-1].stamp_ns == 50_000_000 + 5_000_000  # and half the exposure
    assert plant.asked[1:] == [frame.stamp_ns for frame in frames]  # the scene is that of the stamp
    lost = sum(frame.dropped for frame in frames)
    assert 20 <= lost <= 70  # 40 on average
    assert frames[-1].stamp_ns - frames[0].stamp_ns == (39 + lost - frames[0].dropped) * 10_000_000


def test_frames_that_cannot_be_rendered_in_time_are_counted(make_plant: Callable[[], Any]) -> None:
    make_plant()
    clock = Clock()
    camera = SimSource(dataclasses.replace(SMALL, rate_hz=40.0), PlantLink(plant_socket('turret')), clock)
    camera.open()
    first = camera.read()
    clock.t_ns += 130_000_000  # five periods
    second = camera.read()
    assert second.stamp_ns - first.stamp_ns == (1 + second.dropped) * 25_000_000
    assert second.dropped == 4


def test_a_long_exposure_is_cut_to_the_frame_period(make_plant: Callable[[], Any]) -> None:
    make_plant()
    p = dataclasses.replace(SMALL, rate_hz=50.0, auto_exposure=False, exposure_us=200000)
    camera = SimSource(p, PlantLink(plant_socket('turret')), CLOCK)
    camera.open()
    assert camera.read().settings.exposure_us == 20000.0


def test_a_folder_is_footage_whose_images_come_by_number_and_a_damaged_one_stops_no_other(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f'frame{number}.png'), np.full((48, 64, 3), 10 * number, np.uint8))
    (tmp_path / 'frame3.png').write_bytes(b'damaged')
    frames = []
    with pytest.raises(TurretError, match='frame3'):
        frames.extend(read_footage(tmp_path, 10.0))
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [10, 20, 100]
    assert [frame.start_s for frame in frames] == pytest.approx([0.0, 0.1, 0.2])
    assert check(str(tmp_path)) == ''


def test_a_damaged_image_of_a_video_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / 'film.avi'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mjpeg', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        for i in range(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 40 * i, np.uint8), format='bgr24')))
        container.mux(stream.encode())
    data = path.read_bytes()
    third = [match.start() for match in re.finditer(b'\xff\xd8', data)][2]
    end = data.index(b'\xff\xd9', third)
    path.write_bytes(data[:third] + bytes(end - third) + data[end:])
    assert [frame.start_s for frame in read_footage(path, 25.0)] == pytest.approx([0.0, 0.1, 0.3, 0.4, 0.5])
    path.write_bytes(data[:data.index(b'\xff\xd8')] + bytes(len(data)))
    assert 'film.avi' in check(str(path))


def test_text_in_a_video_may_be_of_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / 'film.mkv'
    with av.open(str(path), 'w') as container:
        container.metadata['title'] = 'Geraet'
        stream = container.add_stream('mjpeg', rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        container.mux(stream.encode(av.VideoFrame(64, 48, 'yuvj420p')))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b'Geraet', b'Ger\xe4t '))  # Latin-1
    assert check(str(path)) == ''


@pytest.mark.skipif(not hasattr(cv2, 'imwriteanimation'), reason='OpenCV before 4.11 reads no animations')
def test_an_animated_webp_is_played_at_its_own_pace(tmp_path: Path) -> None:
    path = tmp_path / 'film.webp'
    animation = cv2.Animation()
    animation.frames = [np.full((48, 64, 3), 60 * i, np.uint8) for i in range(1, 4)]
    animation.durations = np.array([100, 50, 200])
    assert cv2.imwriteanimation(str(path), animation)
    frames = list(read_footage(path, 25.0))
    assert [frame.start_s for frame in frames] == pytest.approx([0.0, 0.1, 0.15])
    assert [frame.duration_s for frame in frames] == pytest.approx([0.1, 0.05, 0.2])
    assert [frame.pixels.shape for frame in frames] == [(48, 64, 3)] * 3
    path.write_bytes(path.read_bytes()[:60])
    assert 'damaged' in check(str(path))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'image.png')
    assert 'not an image' in check(str(tmp_path))
    assert 'no video file' in check(str(tmp_path / 'image.png'))


@pytest.mark.parametrize('name', ['empty', 'empty/film.mp4', 'text.mp4', 'sound.wav'])
def test_a_check_refuses_what_cannot_be_played(name: str, tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.mp4').write_text('not a video')
    with wave.open(str(tmp_path / 'sound.wav'), 'wb') as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    assert name.rpartition('/')[2] in check(str(tmp_path / name))
