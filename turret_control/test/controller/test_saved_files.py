# SPDX-License-Identifier: Apache-2.0
"""Saved presets and boresight: kept over restarts; a file that cannot be used is set aside and reported."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from turret_common.errors import TurretError
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_control.boresight.boresight import Boresight
from turret_control.boresight.store import boresight_file
from turret_control.controller.presets import Preset, PresetStore

BAD = [b'', b'[]', b'{"version": 1}', b'\xff', b'{"version": 1, "data": {"door": {"pan": NaN, "tilt": 0.0}}}']


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'presets.json'


def store(path: Path) -> PresetStore:
    def fail(error: TurretError) -> None:
        raise error
    return PresetStore(path, fail)


def test_presets_are_kept_in_their_order(path: Path) -> None:
    for name, pan in (('window', 0.5), ('door', -0.2)):
        store(path).save(name, Preset(pan, 0.1))
    store(path).save('window', Preset(0.6, 0.0))
    assert list(store(path).all().items()) == [('window', (0.6, 0.0)), ('door', (-0.2, 0.1))]
    store(path).delete('window')
    assert list(store(path).all()) == ['door']


@pytest.mark.parametrize('content', BAD)
def test_unusable_presets_are_set_aside_and_reported(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    reports: list[TurretError] = []
    presets = PresetStore(path, reports.append)
    assert presets.all() == {}
    assert [report.code for report in reports] == [ReasonCode.DAMAGED]
    presets.save('door', Preset(0.1, 0.0))
    assert list(store(path).all()) == ['door']
    assert [other.read_bytes() for other in path.parent.iterdir() if other != path] == [content]


def test_presets_in_a_directory_are_reported(path: Path) -> None:
    path.mkdir()
    reports: list[TurretError] = []
    assert PresetStore(path, reports.append).all() == {}
    assert reports[0].code is ReasonCode.IO_ERROR


@pytest.mark.parametrize(('name', 'pan', 'code'), [
    ('', 0.0, ReasonCode.INVALID_ARGUMENT), ('x' * 41, 0.0, ReasonCode.INVALID_ARGUMENT),
    (' door', 0.0, ReasonCode.INVALID_ARGUMENT), ('a\nb', 0.0, ReasonCode.INVALID_ARGUMENT),
    ('door', math.nan, ReasonCode.NOT_FINITE)])
def test_an_invalid_preset_is_refused(path: Path, name: str, pan: float, code: ReasonCode) -> None:
    with pytest.raises(TurretError) as refusal:
        store(path).save(name, Preset(pan, 0.0))
    assert refusal.value.code is code
    assert not path.exists()


@pytest.mark.parametrize('residual', [math.nan, 0.003])
def test_a_boresight_is_kept_and_removed(residual: float) -> None:
    saved = Boresight(0.01, -0.02, 0.03, 0.04, residual, calibrated=True)
    boresight_file('turret').save(saved)
    loaded = boresight_file('turret').load()
    assert repr(loaded) == repr(saved)
    boresight_file('turret').remove()
    assert boresight_file('turret').load() is None


@pytest.mark.parametrize('content', BAD)
def test_an_unusable_boresight_is_set_aside_and_reported(content: bytes) -> None:
    file = boresight_file('turret')
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(content)
    reports: list[TurretError] = []
    assert file.load_or_set_aside(reports.append) is None
    assert [report.code for report in reports] == [ReasonCode.DAMAGED]
    assert not file.path.exists()
    assert file.path.parent == state_dir('turret')
