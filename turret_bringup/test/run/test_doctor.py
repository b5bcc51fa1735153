# SPDX-License-Identifier: Apache-2.0
"""The doctor finds what is wrong, and works where the set-up has failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turret_bringup.run import doctor, prepared
from turret_bringup.run.doctor import Verdict
from turret_common.host import minimum_versions

ROOT = Path(__file__).parents[3]


def test_it_names_a_step_of_the_set_up_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, 'missing_in_venv', lambda _: {'messages': 'turret_msgs has no Stop'})
    findings = {finding.subject: finding for finding in doctor.examine('turret', 8000, {})}
    assert findings['set-up: messages'].verdict is Verdict.BAD
    assert './turret setup' in findings['set-up: messages'].text
    assert findings['set-up: packages'].verdict is Verdict.FINE


def test_it_says_what_the_set_up_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(prepared, 'VENV', tmp_path / 'none')
    monkeypatch.setattr('shutil.which', lambda _: None)
    texts = [finding.text for finding in doctor.examine('turret', 8000, {}) if finding.subject == 'set-up']
    assert any('apt install' in text and 'g++' in text for text in texts)


def test_it_says_what_a_build_with_colcon_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('shutil.which', lambda _: None)
    findings = {finding.subject: finding for finding in doctor.examine('turret', 8000, {'ROS_DISTRO': 'jazzy'})}
    assert findings['colcon'].verdict is Verdict.BAD


def test_it_names_packages_of_the_distribution_that_are_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {'opencv': '4.5.4', 'gpiozero': '1.6.2'}
    monkeypatch.setattr(minimum_versions, 'version', lambda name: old.get(name, '99.0'))
    texts = {finding.text: finding.verdict for finding in doctor.examine('turret', 8000, {'ROS_DISTRO': 'jazzy'})
             if finding.subject == 'packages'}
    assert texts['turret: opencv 4.6 or newer is required, and 4.5.4 is installed'] is Verdict.BAD
    assert texts['GPIO pins: gpiozero 2.0 or newer is required, and 1.6.2 is installed'] is Verdict.NOTE
    assert texts['WebRTC: the versions are new enough'] is Verdict.FINE


def test_it_runs_on_a_bare_python_without_a_writable_home() -> None:
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c',
         f'import sys; sys.path[:0] = [{str(ROOT / "turret_bringup")!r}, {str(ROOT / "turret_common")!r}]\n'
         'from turret_bringup import cli; sys.exit(cli.main(["doctor"]))'],
        env={**os.environ, 'HOME': '/proc/none', 'XDG_STATE_HOME': '/proc/none'}, capture_output=True, text=True,
        timeout=120, check=False)
    assert 'Traceback' not in done.stderr
    assert 'BAD  state' in done.stdout


def test_it_checks_the_devices_of_a_parameter_file(tmp_path: Path) -> None:
    mine = tmp_path / 'mine.yaml'
    mine.write_text('{/**/camera: {ros__parameters: {source: v4l2, device: /dev/no_camera}}}')
    findings = [
        (finding.verdict, finding.text) for finding in doctor.hardware('turret', [Path('pi_pca9685.yaml'), mine])]
    assert findings[0][0] is Verdict.FINE
    assert any('pca9685' in text for _, text in findings)
    assert findings[-1] == (Verdict.BAD, 'camera /dev/no_camera does not exist')


def test_it_says_what_is_wrong_in_a_parameter_file(tmp_path: Path) -> None:
    mine = tmp_path / 'mine.yaml'
    mine.write_text('{/**/gimbal: {ros__parameters: {drivr: pca9685}}}')
    finding, = doctor.hardware('turret', [mine])
    assert finding.verdict is Verdict.BAD
    assert 'drivr' in finding.text
