# SPDX-License-Identifier: Apache-2.0
"""The command line: its help, and how it reads its words."""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from turret_bringup import cli
from turret_bringup.commands import COMMANDS, options, replay, up
from turret_bringup.commands.bench import BENCHMARKS
from turret_bringup.commands.development import test as lanes
from turret_bringup.hardware.wizard import CHECKS
from turret_bringup.run import doctor
from turret_bringup.settings.configuration import assigned_layer, compose
from turret_common.bench import Benchmark, Row, percentile, run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, '--help'])
    assert ended.value.code == 0
    assert f'./turret {name}' in capsys.readouterr().out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(['--help'])
    text = capsys.readouterr().out
    assert all(f'    {name}' in text for name in COMMANDS)


def test_help_needs_nothing_but_python() -> None:
    path = f'{ROOT / "turret_bringup"}:{ROOT / "turret_common"}'
    code = f'import sys; sys.path[:0] = {path.split(":")!r}; from turret_bringup.cli import main; main(sys.argv[1:])'
    for words in (['--help'], ['up', '--help'], ['bench', '--help'], ['doctor', '--help']):
        ended = subprocess.run(
            [sys.executable, '-I', '-S', '-c', code, *words], capture_output=True, text=True, check=False)
        assert 'usage: ./turret' in ended.stdout, ended.stderr


def test_an_unknown_word_is_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (['fly'], ['up', '--vidoe', 'x'], ['test', 'unti'], ['bench', 'nothing'], ['up', '--namespace', '1x']):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == cli.WRONG_INPUT


def test_a_refusal_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['up', '--video', '/nowhere.mp4']) == cli.WRONG_INPUT
    assert capsys.readouterr().err == 'turret: video file /nowhere.mp4 does not exist\n'


@pytest.mark.parametrize(('text', 'name'), [('turret', 'turret'), ('/left/', 'left'), ('site/left_2', 'site/left_2')])
def test_namespaces(text: str, name: str) -> None:
    assert options.namespace(text) == name


@pytest.mark.parametrize('text', ['', '/', 'a b', '2nd', 'a//b', 'a-b'])
def test_what_is_no_namespace(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.namespace(text)


def arguments(*words: str) -> argparse.Namespace:
    return cli.parser().parse_args(['up', *words])


def test_options_become_parameters() -> None:
    assert up.assignments(arguments('--video', '/films/a b.mp4', '--port', '9', '--set', 'web.port=8')) == [
            *up.WITHIN_THE_FRAME,
        'web.port=8', 'camera.source=file', 'camera.video_file="/films/a b.mp4"', 'web.port=9']
    quoted = up.assignments(arguments('--video', '/films/a"b\\c.mp4'))[-1]
    assert assigned_layer([quoted]).values['camera']['video_file'] == '/films/a"b\\c.mp4'
    assert up.assignments(arguments('--camera', '/dev/video2', '--host', '0.0.0.0')) == [
        'camera.source=v4l2', 'camera.device="/dev/video2"', 'web.host=0.0.0.0']


def test_on_a_distribution_ros2_launch_gets_the_same() -> None:
    command = up.launch_command(arguments('--video', '/film.mp4', '--params', '/a.yaml', '--set', 'web.port=8'))
    assert command[:4] == ['ros2', 'launch', 'turret_bringup', 'turret.launch.py']
    assert command[4:] == [
        'namespace:=turret', 'params_file:=/a.yaml', f'set:={" ".join((*up.WITHIN_THE_FRAME, "web.port=8"))}',
        'video_file:=/film.mp4', 'log_level:=info']


def test_lanes_cover_every_test() -> None:
    quick = ('unit', 'ros', 'system', 'panel')
    words = [word for lane in quick for command in lanes.LANES[lane]([]) for word in command]
    files = {path for package in lanes.PACKAGES for path in (ROOT / package / 'test').rglob('test_*.py')}
    assert files
    for path in (path for path in files if path.parent.name not in ('soak', 'installed')):
        assert str(path) in words or str(path.parent) in words


def test_benchmarks_have_what_the_command_needs() -> None:
    for module in BENCHMARKS.values():
        source = (ROOT / module.partition('.')[0] / Path(*module.split('.'))).with_suffix('.py').read_text()
        assert 'def add_arguments(' in source
        assert 'def measure(' in source


def test_benchmark_rows_are_printed_written_and_compared_with_their_limits(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row('s', 'variant', 'm', 1.23456, 's'), Row('s', 'v', 'lost', math.nan, '')]
    bench = cast(Benchmark, SimpleNamespace(measure=lambda _: rows))
    assert run(bench, argparse.Namespace(), tmp_path / 'rows.json') == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ['scenario', 'variant', 'metric', 'value', 'unit'], ['s', 'variant', 'm', '1.235', 's'],
        ['s', 'v', 'lost', '-']]
    assert '"value": null' in (tmp_path / 'rows.json').read_text()
    rows.append(Row('slow', 'v', 'time', math.nan, 'ms', maximum=20.0))
    assert run(bench, argparse.Namespace()) == 1
    assert 'slow time' in capsys.readouterr().err


def test_percentiles() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([], 0.5) != percentile([], 0.5)


@pytest.mark.parametrize(('words', 'error'), [
    (['switches'], 'the gimbal is simulated'), (['uart'], 'the gimbal is simulated'), (['axis'], 'is simulated'),
    (['laser'], 'the laser is simulated'), (['axis', '--params', 'pi_pca9685.yaml'], 'does not have'),
    (['laser', '--params', 'pi5_step_dir.yaml'], 'no GPIO pins'), (['pins', '--params', 'no.yaml'], 'cannot read')])
def test_checks_of_hardware_that_is_not_there_are_refused(
        words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    if list(Path('/dev').glob('gpiochip*')):
        pytest.skip('this machine has pins')
    assert cli.main(['hw', *words, '--namespace', 'hw_test']) == cli.WRONG_INPUT
    captured = capsys.readouterr()
    assert error in captured.err
    assert captured.err.count('\n') == 1
    step = CHECKS[words[0]]
    assert captured.out == f'Expect: {step.expect}\nWhat to do: {step.remedy}\n'


@pytest.mark.parametrize('seconds', ['2', '0', '-1', 'nan', 'inf'])
def test_a_duration_that_leaves_nothing_to_measure_is_refused(
        seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(['bench', 'aim', f'--duration={seconds}'])
    assert end.value.code == 2
    assert f'{seconds} is not more than 2 s' in capsys.readouterr().err


def test_an_unknown_check_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['hw', 'pinout', '--params', 'pi5_feetech.yaml']) == cli.WRONG_INPUT
    error = capsys.readouterr().err
    assert 'no check or tool "pinout"; there are plan, pins, switches, axis, laser,' in error
    assert 'servos' in error
    assert 'wizard' in error


@pytest.mark.parametrize(
    'example', ['pi5_step_dir.yaml', 'pi4_tmc2209.yaml', 'pi_pca9685.yaml', 'pi_servo_gpio.yaml'])
def test_the_plan_of_a_build_is_shown_on_any_computer(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(['hw', 'plan', '--params', example]) == 0
    shown = capsys.readouterr().out
    assert 'GPIO 18  header pin 12  pulled down at power-on  laser.laser_pin' in shown
    assert 'emergency stop: gpio' in shown
    assert shown.startswith(f'Expect: {CHECKS["plan"].expect}\n')
    assert 'What to do' not in shown


def test_a_plan_that_uses_a_pin_twice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ['hw', 'plan', '--params', 'pi4_tmc2209.yaml', '--set']
    assert cli.main([*words, 'laser.laser_pin=20']) == cli.WRONG_INPUT
    assert 'GPIO 20 is used by both' in capsys.readouterr().err
    assert cli.main([*words, 'laser.laser_pin=15']) == cli.WRONG_INPUT
    assert '/dev/serial0' in capsys.readouterr().err


def test_on_a_distribution_a_replay_is_launched_with_the_same(tmp_path: Path) -> None:
    args = cli.parser().parse_args(
        ['replay', str(tmp_path), '--loop', '--into', 'control', '--topics', 'vision/*', 'status', '--set', 'a.b=1'])
    words = replay.options_of(args).launch_arguments(7)
    assert {f'bag:={tmp_path}', 'domain:=7', 'loop:=true', 'hold:=false', 'into:=control', 'set:=a.b=1', 'panel:=true',
            "topics:='vision/*' status"} <= set(words)


@pytest.mark.parametrize(('value', 'verdict'), [('Y', doctor.Verdict.BAD), ('N', doctor.Verdict.FINE)])
def test_the_doctor_detects_pins_that_keep_their_level(tmp_path: Path, value: str, verdict: doctor.Verdict) -> None:
    parameter = tmp_path / 'pinctrl_rp1' / 'parameters' / 'persist_gpio_outputs'
    parameter.parent.mkdir(parents=True)
    parameter.write_text(f'{value}\n')
    finding = next(finding for finding in doctor.devices(tmp_path) if finding.subject == 'pins')
    assert finding.verdict is verdict
    assert 'strict_gpiod' in finding.text


def test_tokens_are_shown_and_renewed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def say(action: str, *words: str) -> str:
        assert cli.main(['token', action, *words]) == 0
        return capsys.readouterr().out
    first = say('show')
    assert say('show') == first
    assert 'operator: ' in first
    renewed = say('rotate')
    assert renewed != first
    assert say('show', '--file', str(tmp_path / 'shared.tokens')) not in (first, renewed)
    assert say('show') == renewed


@pytest.mark.parametrize(('words', 'code'), [(['test', 'panel'], 1), (['test'], 0)])
def test_a_suite_that_cannot_run_is_skipped_and_has_not_passed(
        words: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lanes, 'LANES', {'panel': lambda _: [['no-such-npm', 'test']], 'unit': lambda _: [['true']]})
    monkeypatch.setattr(lanes, '_ONLY_WHEN_NAMED', ())
    assert cli.main(words) == code
    assert 'skipped: no-such-npm not found' in capsys.readouterr().out


def test_without_the_packages_for_bags_the_turret_starts_and_bag_commands_refuse(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, 'mcap', None)
    for name in [name for name in sys.modules if name.startswith(('mcap.', 'turret_bringup.bags.mcap_'))]:
        monkeypatch.delitem(sys.modules, name)
    config = compose('turret')
    assert 'bag' not in [spec.name for spec in config.nodes]
    assert any('no bags' in note for note in config.notes)
    golden = Path(__file__).parent / 'goldens' / 'crossing'
    assert cli.main(['bag', 'info', str(golden)]) == 2
    assert 'pip install' in capsys.readouterr().err
