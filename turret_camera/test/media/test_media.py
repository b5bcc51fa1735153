# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from turret_camera.frame import Frame
from turret_camera.media.audio import Sound
from turret_camera.media.library import MediaKind, MediaLibrary
from turret_camera.media.recorder import Limits, VideoRecorder
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until

NOW = datetime.datetime(2026, 8, 23, 18, 15, 2)
PLENTY = Limits(max_s=600.0, min_free=1)


@pytest.fixture
def library(tmp_path: Path) -> MediaLibrary:
    return MediaLibrary(tmp_path / 'media')


def frame(t_s: float, width: int = 64, height: int = 48) -> Frame:
    pixels = np.full((height, width, 3), int(100 + 100 * math.sin(t_s)), np.uint8)
    return Frame(round(t_s * 1e9), PinholeCamera.from_field_of_view(width, height, 1.0), pixels=pixels)


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(image.time) for image in container.decode(video=0)]


@pytest.fixture
def record(library: MediaLibrary) -> Iterator[Callable[..., VideoRecorder]]:
    made: list[VideoRecorder] = []

    def make(limits: Limits = PLENTY, audio_bit_rate: int = 0) -> VideoRecorder:
        made.append(VideoRecorder(library.reserve('', '.mp4', NOW), 23, limits, lambda: None, audio_bit_rate))
        made[-1].start()
        return made[-1]
    yield make
    for recorder in made:
        recorder.stop(5.0)


def feed(recorder: VideoRecorder, frames: list[Frame]) -> None:
    """Offer frames as fast as the encoder takes them."""
    for one in frames:
        wait_until(lambda: recorder._frames.empty() or not recorder.progress.active)  # noqa: SLF001  no public state
        recorder.offer(one)


def test_names_never_collide(library: MediaLibrary) -> None:
    names = [library.reserve('cat', '.jpg', NOW).name for _ in range(3)]
    assert names == ['20260823_181502_cat.jpg', '20260823_181502_cat_2.jpg', '20260823_181502_cat_3.jpg']
    assert all((library.folder / name).exists() for name in names)


@pytest.mark.parametrize('label', ['../x', 'a/b', 'a\0b', 'ü' * 3, 'x' * 41, '.', 'a\n'])
def test_labels_that_are_no_part_of_a_name_are_refused(library: MediaLibrary, label: str) -> None:
    with pytest.raises(TurretError) as refusal:
        library.reserve(label, '.jpg', NOW)
    assert refusal.value.code is ReasonCode.INVALID_ARGUMENT
    assert not library.folder.exists()


@pytest.mark.parametrize('name', [
    '', '.', '..', '../secret.jpg', '/etc/passwd', 'a/../secret.jpg', '.hidden.jpg', 'a\\b.jpg', 'a\0.jpg', 'note.txt',
    'a.jpg\n', 'x' * 200 + '.jpg'])
def test_no_name_leads_out_of_the_folder(library: MediaLibrary, name: str) -> None:
    library.reserve('', '.jpg', NOW)
    (library.folder.parent / 'secret.jpg').touch()
    kept = library.list()[0].name
    for attempt in (lambda: library.path(name), lambda: library.delete(name), lambda: library.rename(name, 'b.jpg'),
                    lambda: library.rename(kept, name)):
        with pytest.raises(TurretError) as refusal:
            attempt()
        assert refusal.value.code is ReasonCode.INVALID_ARGUMENT
    assert (library.folder.parent / 'secret.jpg').exists()
    assert [item.name for item in library.list()] == [kept]


def test_links_are_not_followed(library: MediaLibrary, tmp_path: Path) -> None:
    (tmp_path / 'secret.jpg').touch()
    library.reserve('', '.jpg', NOW)
    (library.folder / 'link.jpg').symlink_to(tmp_path / 'secret.jpg')
    assert len(library.list()) == 1
    with pytest.raises(TurretError):
        library.path('link.jpg')


def test_renaming_keeps_the_extension_and_overwrites_nothing(library: MediaLibrary) -> None:
    first, second = (library.reserve('', '.jpg', NOW) for _ in range(2))
    second.write_bytes(b'second')
    for new_name, code in ((second.name, ReasonCode.ALREADY_EXISTS), ('film.mp4', ReasonCode.INVALID_ARGUMENT)):
        with pytest.raises(TurretError) as refusal:
            library.rename(first.name, new_name)
        assert refusal.value.code is code
    assert second.read_bytes() == b'second'
    library.rename(second.name, 'my cat.jpg')
    assert {item.name for item in library.list()} == {first.name, 'my cat.jpg'}


def test_the_list_is_newest_first_with_kind_size_and_duration(library: MediaLibrary, record: Any) -> None:
    still = library.reserve('', '.jpg', NOW)
    still.write_bytes(b'12345')
    os.utime(still, (1e9, 1e9))
    (library.folder / 'note.txt').touch()
    recorder = record()
    feed(recorder, [frame(0.1 * i) for i in range(11)])
    recorder.stop(10.0)
    video, image = library.list()
    assert (image.name, image.kind, image.size) == (still.name, MediaKind.STILL, 5)
    assert math.isnan(image.duration_s)
    assert video.kind is MediaKind.VIDEO
    assert video.duration_s == pytest.approx(1.0, abs=0.15)


def test_thumbnails_are_made_and_removed_with_their_files(library: MediaLibrary, record: Any) -> None:
    still = library.reserve('', '.jpg', NOW)
    cv2.imwrite(str(still), np.full((480, 640, 3), 90, np.uint8))
    damaged = library.reserve('damaged', '.jpg', NOW)
    damaged.write_bytes(b'no image')
    recorder = record()
    feed(recorder, [frame(0.1 * i) for i in range(11)])
    recorder.stop(10.0)
    library.add_missing_thumbnails()
    assert cv2.imread(str(library.thumbnail(still.name))).shape == (120, 160, 3)
    assert cv2.imread(str(library.thumbnail(recorder.path.name))).shape == (48, 64, 3)
    assert not library.thumbnail(damaged.name).exists()
    library.rename(still.name, 'cat.jpg')
    library.delete(recorder.path.name)
    assert [path.name for path in library.thumbnail('x').parent.iterdir()] == ['cat.jpg.jpg']
    assert {item.name for item in library.list()} == {'cat.jpg', damaged.name}


def test_an_empty_library_has_no_folder_and_an_empty_list(library: MediaLibrary) -> None:
    assert library.list() == []


@pytest.mark.parametrize('steps', [[1 / 30] * 20, [1 / 7] * 6, [0.02, 0.5, 0.1, 0.03, 1.0]], ids=['30', '7', 'uneven'])
def test_the_times_in_the_video_are_those_of_the_stamps(record: Any, steps: list[float]) -> None:
    recorder = record()
    stamps = [5.0 + sum(steps[:i]) for i in range(len(steps) + 1)]
    feed(recorder, [frame(t) for t in stamps])
    recorder.stop(10.0)
    assert times(recorder.path) == pytest.approx([t - 5.0 for t in stamps], abs=1e-4)
    assert recorder.progress.duration_s == pytest.approx(stamps[-1] - 5.0, abs=1e-3)


def sounds(start_s: float, end_s: float, click_s: float) -> list[Sound]:
    """Return silence in pieces of 20 ms with a click of 10 ms."""
    pieces = []
    for i in range(round((end_s - start_s) / 0.02)):
        at = start_s + 0.02 * i
        samples = np.zeros(960, np.int16)
        if at <= click_s < at + 0.02:
            samples[:480] = 20000 * np.sin(np.arange(480) * 0.3)
        pieces.append(Sound(round(at * 1e9), samples))
    return pieces


def click_at(path: Path) -> float:
    """Return when the loudest sound is in a video, in s."""
    with av.open(str(path)) as container:
        heard = [(float(frame.time), np.abs(frame.to_ndarray()[0])) for frame in container.decode(audio=0)]
    loudest = max(heard, key=lambda piece: float(piece[1].max()))
    return loudest[0] + int(loudest[1].argmax()) / 48000.0


@pytest.mark.parametrize('gap', [False, True], ids=['whole', 'with a gap'])
def test_sound_is_heard_with_its_image(record: Any, gap: bool) -> None:
    recorder = record(audio_bit_rate=64000)
    heard = sounds(4.5, 7.1, click_s=6.5)  # from half a second before the first image on
    if gap:
        heard = [sound for sound in heard if not 5.3e9 < sound.stamp_ns < 6.1e9]
    for i in range(21):
        for sound in heard:
            if 5.0 + 0.1 * (i - 1) <= sound.stamp_ns * 1e-9 < 5.0 + 0.1 * i or (i == 0 and sound.stamp_ns < 5e9):
                recorder.hear(sound)
        feed(recorder, [frame(5.0 + 0.1 * i)])
    recorder.stop(10.0)
    assert recorder.progress.sound
    assert len(times(recorder.path)) == 21
    assert click_at(recorder.path) - times(recorder.path)[0] == pytest.approx(1.5, abs=0.06)


def test_a_silent_microphone_delays_no_image(record: Any) -> None:
    recorder = record(audio_bit_rate=64000)
    feed(recorder, [frame(5.0 + 0.1 * i) for i in range(31)])
    wait_until(lambda: recorder.progress.duration_s >= 3.0)
    assert times(recorder.path)[-1] > 2.0  # while it runs
    recorder.stop(10.0)
    assert len(times(recorder.path)) == 31
    assert not recorder.progress.sound


def test_stamps_that_do_not_grow_and_other_sizes_do_no_harm(record: Any) -> None:
    recorder = record()
    feed(recorder, [frame(1.0), frame(1.0), frame(0.5), frame(1.1), frame(1.2, 63, 31), frame(1.3)])
    recorder.stop(10.0)
    assert len(times(recorder.path)) == 4
    assert recorder.progress.ended is None


def test_a_slow_encoder_never_makes_the_camera_wait(record: Any) -> None:
    recorder = record()
    held = threading.Event()
    slow = frame(0.0)
    slow.pixels = lambda: (held.wait(5.0), np.zeros((48, 64, 3), np.uint8))[1]  # type: ignore[method-assign]
    recorder.offer(slow)
    wait_until(lambda: recorder._frames.empty())  # noqa: SLF001  no public state
    before = time.perf_counter()
    for i in range(200):
        recorder.offer(frame(0.1 + 0.01 * i))
    assert time.perf_counter() - before < 1.0
    assert recorder.progress.dropped > 150
    held.set()


def test_it_ends_by_itself_after_the_longest_time(record: Any) -> None:
    recorder = record(Limits(max_s=1.0, min_free=1))
    feed(recorder, [frame(0.1 * i) for i in range(30)])
    wait_until(lambda: not recorder.progress.active)
    assert recorder.progress.ended is not None
    assert times(recorder.path)[-1] == pytest.approx(1.0, abs=0.15)


def test_a_full_disk_refuses_the_start_and_ends_a_recording(
        record: Any, library: MediaLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = record(Limits(max_s=600.0, min_free=1000))
    feed(recorder, [frame(0.1 * i) for i in range(5)])
    monkeypatch.setattr('shutil.disk_usage', lambda _: type('Usage', (), {'free': 999})())
    feed(recorder, [frame(0.5 + 0.1 * i) for i in range(20)])
    wait_until(lambda: not recorder.progress.active)
    assert recorder.progress.ended.code is ReasonCode.STORAGE_FULL
    assert len(times(recorder.path)) > 5
    with pytest.raises(TurretError) as refusal:
        record(Limits(max_s=600.0, min_free=1000))
    assert refusal.value.code is ReasonCode.STORAGE_FULL


def test_a_recording_of_nothing_leaves_no_file(record: Any, library: MediaLibrary) -> None:
    recorder = record()
    recorder.stop(5.0)
    assert library.list() == []
    assert recorder.progress.ended.code is ReasonCode.NO_FRAMES


_KILLED = '''
import sys, time
from pathlib import Path
import numpy as np
from turret_camera.media.audio import Sound
from turret_camera.frame import Frame
from turret_camera.media.recorder import Limits, VideoRecorder
from turret_common.geometry import PinholeCamera
recorder = VideoRecorder(Path(sys.argv[1]), 23, Limits(600.0, 1), lambda: None, int(sys.argv[2]))
recorder.start()
camera = PinholeCamera.from_field_of_view(64, 48, 1.0)
for i in range(10000):
    recorder.offer(Frame(time.monotonic_ns(), camera, pixels=np.full((48, 64, 3), i % 256, np.uint8)))
    recorder.hear(Sound(time.monotonic_ns(), np.full(1440, i % 1000, np.int16)))
    sys.stdout.write(f'{recorder.progress.duration_s}\\\\n')
    sys.stdout.flush()
    time.sleep(0.03)
'''


@pytest.mark.parametrize('audio_bit_rate', [0, 64000], ids=['silent', 'with sound'])
def test_what_a_killed_process_recorded_plays_to_within_a_second(library: MediaLibrary, audio_bit_rate: int) -> None:
    path = library.reserve('', '.mp4', NOW)
    packages = os.pathsep.join(str(Path(__file__).parents[3] / name) for name in ('turret_camera', 'turret_common'))
    process = subprocess.Popen(
        [sys.executable, '-c', _KILLED.replace('\\\\n', '\\n'), str(path), str(audio_bit_rate)],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONPATH': packages})
    assert process.stdout is not None
    duration_s = 0.0
    while duration_s < 2.5:
        duration_s = float(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert times(path)[-1] > duration_s - 1.0
    assert library.list()[0].duration_s > duration_s - 1.0
