# SPDX-License-Identifier: Apache-2.0
"""The source archive of a release."""

from __future__ import annotations

import io
import tarfile

import pytest
from tracked import tracked_files

from turret_bringup.commands.development import release
from turret_bringup.run.prepared import ROOT


@pytest.fixture
def archive() -> bytes:
    tracked_files()
    if not (ROOT / release.PANEL / 'index.html').exists():
        pytest.skip('needs a built panel')
    return release.archive('turret-9.9.9')


def test_it_contains_the_committed_files_and_the_panel(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = set(tar.getnames())
        notices = tar.extractfile('turret-9.9.9/THIRD_PARTY_NOTICES.txt')
        assert notices is not None
        assert b'roslib' in notices.read()
    assert {f'turret-9.9.9/{name}' for name in tracked_files()} - names == set()
    assert 'turret-9.9.9/turret_web/turret_web/panel/index.html' in names
    assert not any('node_modules' in name or '.venv' in name for name in names)


def test_it_is_reproducible(archive: bytes) -> None:
    assert archive == release.archive('turret-9.9.9')
