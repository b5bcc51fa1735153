# SPDX-License-Identifier: Apache-2.0
"""The folders of a turret are the same in every shell, whatever it has set."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from turret_common.errors import TurretError
from turret_common.paths import cache_dir, runtime_dir, state_dir, state_root


def test_a_relative_folder_would_depend_on_the_shell_and_is_ignored(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    for value in ('', 'relative', './state', '~/state'):
        monkeypatch.setenv('XDG_STATE_HOME', value)
        monkeypatch.setenv('XDG_CACHE_HOME', value)
        assert state_root() == tmp_path / '.local' / 'state' / 'turret'
        assert cache_dir() == tmp_path / '.cache' / 'turret'
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'mine'))
    assert state_root() == tmp_path / 'mine' / 'turret'


def test_without_a_home_in_the_environment_it_is_that_of_the_user(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('XDG_STATE_HOME')
    monkeypatch.setattr(pwd, 'getpwuid', lambda uid: SimpleNamespace(pw_dir=str(tmp_path / str(uid))))
    monkeypatch.delenv('HOME', raising=False)
    assert state_root() == tmp_path / str(os.getuid()) / '.local' / 'state' / 'turret'
    monkeypatch.setenv('HOME', '')
    assert state_root() == tmp_path / str(os.getuid()) / '.local' / 'state' / 'turret'


def test_a_user_without_a_home_learns_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv('XDG_STATE_HOME')
    monkeypatch.delenv('HOME', raising=False)
    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    with pytest.raises(TurretError, match='set HOME or XDG_STATE_HOME'):
        state_root()


def test_sockets_are_beside_the_state_or_in_a_short_folder_of_the_user(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 's'))
    near = runtime_dir('turret')
    assert near == state_dir('turret') / 'run' or near.is_relative_to('/tmp')
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / ('long' * 30)))
    far = runtime_dir('turret')
    assert far.is_relative_to(f'/tmp/turret-{os.getuid()}')
    assert far == runtime_dir('turret')
    assert far != runtime_dir('other')
    far.rmdir()
