# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import io
import itertools
import math
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from turret_camera.capture_parameters import AudioParameters
from turret_camera.media.audio import SAMPLE_RATE, AudioCapture, AudioStatus, Mp3Encoder, Sound
from turret_common.reason_codes import ReasonCode
from turret_common.testing.waiting import wait_until
from turret_common.threads.clock import MonotonicClock

TONE = AudioParameters(source='tone')


@pytest.fixture
def capture() -> Iterator[Callable[[AudioParameters], AudioCapture]]:
    made: list[AudioCapture] = []

    def make(parameters: AudioParameters) -> AudioCapture:
        made.append(AudioCapture(parameters, MonotonicClock(), lambda: None))
        made[-1].start()
        return made[-1]
    yield make
    for one in made:
        one.stop()


def pitch(samples: Any) -> float:
    """Return the strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(samples))


def sine(hertz: float, seconds: float) -> Any:
    return (8000.0 * np.sin(2.0 * math.pi * hertz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.int16)


def write_wave(path: Path, hertz: float, seconds: float) -> Path:
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(sine(hertz, seconds).tobytes())
    return path


def test_one_capture_serves_all_who_listen_and_rests_without_them(capture: Any) -> None:
    microphone = capture(TONE)
    assert microphone.report().status is AudioStatus.IDLE
    first: list[Sound] = []
    second: list[Sound] = []
    microphone.listen('first', first.append)
    microphone.listen('second', second.append)
    wait_until(lambda: len(first) > 10 and second)
    assert second[-1] in first[-3:] or first[-1] in second[-3:]
    report = microphone.report()
    assert (report.status, report.source) == (AudioStatus.CAPTURING, 'test tone')
    assert report.level == pytest.approx(-18.0, abs=1.0)
    assert pitch(np.concatenate([sound.samples for sound in first])) == pytest.approx(440.0, abs=10.0)
    microphone.listen('first', None)
    microphone.listen('second', None)
    wait_until(lambda: microphone.report().status is AudioStatus.IDLE)
    heard = len(first)
    assert math.isnan(microphone.report().level)
    microphone.listen('second', second.append)
    wait_until(lambda: second[-1].stamp_ns > first[-1].stamp_ns)
    assert len(first) == heard


def test_a_file_is_heard_at_its_own_pace_and_again(capture: Any, tmp_path: Path) -> None:
    heard: list[Sound] = []
    file = write_wave(tmp_path / 'beep.wav', 1000.0, 0.2)
    microphone = capture(AudioParameters(source='file', file=str(file)))
    microphone.listen('test', heard.append)
    wait_until(lambda: sum(len(sound.samples) for sound in heard) > 0.5 * SAMPLE_RATE)
    assert heard[-1].stamp_ns < time.monotonic_ns()
    assert pitch(np.concatenate([sound.samples for sound in heard])) == pytest.approx(1000.0, abs=10.0)
    for before, after in itertools.pairwise(heard):
        length_ns = len(before.samples) * 1_000_000_000 // SAMPLE_RATE
        assert after.stamp_ns - before.stamp_ns == pytest.approx(length_ns, abs=2)


@pytest.mark.parametrize(('changes', 'words'), [
    ({'source': 'alsa', 'device': 'no such device'}, 'no such device'),
    ({'source': 'file', 'file': '/nowhere/sound.wav'}, 'No such file'),
    ({'source': 'file', 'file': __file__}, 'cannot be heard'),
], ids=['device', 'absent', 'garbage'])
def test_without_a_device_it_says_so_and_begins_when_there_is_one(
        capture: Any, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    microphone = capture(AudioParameters(**changes))
    heard: list[Sound] = []
    microphone.listen('test', heard.append)
    report = wait_until(lambda: microphone.report() if microphone.report().code else None)
    assert (report.status, report.code) == (AudioStatus.FAILED, ReasonCode.IO_ERROR)
    assert words in report.message
    assert not heard
    microphone.configure(TONE)
    wait_until(lambda: heard)
    assert microphone.report().status is AudioStatus.CAPTURING


def test_a_microphone_that_comes_late_is_heard(
        capture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_camera.media.audio._RETRY_S', 0.01)
    path = tmp_path / 'late.wav'
    microphone = capture(AudioParameters(source='file', file=str(path)))
    heard: list[Sound] = []
    microphone.listen('test', heard.append)
    wait_until(lambda: microphone.report().code)
    write_wave(path, 500.0, 0.3)
    wait_until(lambda: heard)
    assert microphone.report().code is ReasonCode.OK


def test_none_is_off(capture: Any) -> None:
    microphone = capture(AudioParameters())
    microphone.listen('test', lambda sound: None)
    assert microphone.report().status is AudioStatus.OFF
    microphone.configure(dataclasses.replace(AudioParameters(), source='tone'))
    wait_until(lambda: microphone.report().status is AudioStatus.CAPTURING)


def test_the_upstream_alsa_library_is_heard(capture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device of its configuration, which reads from a file, stands in for a microphone."""
    (tmp_path / 'sound.raw').write_bytes(np.repeat(sine(600.0, 5.0), 2).tobytes())
    (tmp_path / 'asound.conf').write_text(
        f'pcm.played {{ type file slave.pcm {{ type null }} file /dev/null format raw infile {tmp_path}/sound.raw }}')
    monkeypatch.setenv('ALSA_CONFIG_PATH', str(tmp_path / 'asound.conf'))
    microphone = capture(AudioParameters(source='alsa', device='played'))
    heard: list[Sound] = []
    microphone.listen('test', heard.append)
    wait_until(lambda: len(heard) > 20 or microphone.report().code)
    assert microphone.report().message == ''
    assert microphone.report().source == 'alsa played'
    assert pitch(np.concatenate([sound.samples for sound in heard[:20]])) == pytest.approx(600.0, abs=10.0)


def test_mp3_can_be_joined_anywhere() -> None:
    encoder = Mp3Encoder(64000)
    samples = sine(700.0, 2.0)
    pieces = [encoder.encode(samples[i:i + 1000]) for i in range(0, len(samples), 1000)]
    pieces = [piece for piece in pieces if piece]
    late = b''.join(pieces[len(pieces) // 2:])
    with av.open(io.BytesIO(late), format='mp3') as container:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert len(decoded) > 0.8 * SAMPLE_RATE
    assert pitch(decoded) == pytest.approx(700.0, abs=10.0)
