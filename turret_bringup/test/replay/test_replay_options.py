# SPDX-License-Identifier: Apache-2.0
"""The options of a replay, from the command line and from launch arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from turret_bringup import cli
from turret_bringup.commands import replay
from turret_bringup.replay.options import ReplayOptions
from turret_bringup.run.launch_arguments import REPLAY
from turret_common.errors import TurretError

DEFAULTS = {argument.name: argument.default for argument in REPLAY}


@pytest.mark.parametrize('words', [
    [], ['--loop', '--paused', '--hold', '--no-panel', '--rate', '0.5', '--start', '2', '--end', '8.5', '--clock', '0'],
    ['--topics', 'vision/*', 'a b', '--remap', '/a:=/b', '--into', 'control', '--into', 'vision', '--set', 'a.b="c d"'],
    ['--port', '8005', '--log-level', 'warn', '--skip-gaps', '3']])
def test_launch_arguments_carry_every_option(tmp_path: Path, words: list[str]) -> None:
    options = replay.options_of(cli.parser().parse_args(['replay', str(tmp_path), *words]))
    arguments = dict(text.split(':=', 1) for text in options.launch_arguments(7))
    assert arguments.keys() <= DEFAULTS.keys()
    launched = ReplayOptions.from_launch({**DEFAULTS, **arguments})
    assert launched.launch_arguments(7) == options.launch_arguments(7)
    assert launched.player(7) == options.player(7)


def test_the_defaults_of_both_are_the_same(tmp_path: Path) -> None:
    options = replay.options_of(cli.parser().parse_args(['replay', str(tmp_path)]))
    assert ReplayOptions.from_launch({**DEFAULTS, 'bag': str(tmp_path)}) == options == ReplayOptions(tmp_path)


def test_a_duration_is_an_end(tmp_path: Path) -> None:
    args = cli.parser().parse_args(['replay', str(tmp_path), '--start', '2', '--duration', '3'])
    assert replay.options_of(args).end == 5.0


@pytest.mark.parametrize('wrong', [{'rate': 'fast'}, {'domain': 'x'}, {'into': 'laser'}])
def test_invalid_launch_arguments_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(TurretError):
        ReplayOptions.from_launch({**DEFAULTS, 'bag': 'b', **wrong})
