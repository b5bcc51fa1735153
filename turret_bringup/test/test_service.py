# SPDX-License-Identifier: Apache-2.0
"""The systemd unit of a turret."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from turret_bringup import cli
from turret_bringup.commands import service


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    service.add_arguments(parser)
    return parser.parse_args(['show', *words])


@pytest.mark.parametrize('distribution', ['', 'jazzy'])
def test_systemd_accepts_the_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, distribution: str) -> None:
    if not shutil.which('systemd-analyze'):
        pytest.skip('systemd-analyze was not found')
    if distribution:
        monkeypatch.setenv('ROS_DISTRO', distribution)
    parameters = tmp_path / 'my 100% $build.yaml'
    parameters.touch()
    path = tmp_path / service.unit_name('left/arm')
    path.write_text(service.unit(options('--namespace', 'left/arm', '--params', str(parameters), '--port', '8123')))
    checked = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no', path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr.strip()) == (0, '')


def test_the_command_of_the_unit_names_the_parameter_file_and_the_namespace(tmp_path: Path) -> None:
    parameters = tmp_path / 'my build.yaml'
    parameters.touch()
    text = service.unit(options('--namespace', 'left', '--params', str(parameters)))
    assert f'--namespace left --params "{parameters}"' in text
    assert 'WatchdogSec=5' in text


def test_after_sudo_the_service_runs_as_the_user_who_typed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    account = SimpleNamespace(pw_dir='/home/my $50 "100%"')
    monkeypatch.setenv('SUDO_USER', 'ann')
    monkeypatch.setattr('pwd.getpwnam', {'ann': account}.__getitem__)
    text = service.unit(options())
    assert 'User=ann\n' in text
    assert 'Environment="HOME=/home/my $50 \\"100%%\\""\n' in text


def test_each_namespace_has_a_unit_of_its_own() -> None:
    assert [service.unit_name(name) for name in ('turret', 'left', 'a/b')] == [
        'turret.service', 'turret-left.service', 'turret-a-b.service']


def test_without_systemd_it_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr('shutil.which', lambda _: None)
    assert cli.main(['service', 'install']) == 2
    assert 'does not use systemd' in capsys.readouterr().err
