# SPDX-License-Identifier: Apache-2.0
"""Run the tests.

Test suites; without a name all but soak run:

  unit     ruff, mypy, and the tests without ROS
  ros      nodes in process
  system   the whole graph, started as ./turret up does and, where launch_testing is installed, with ros2 launch
  panel    the panel's own tests and those in a browser (chromium)
  colcon   colcon build, and colcon test of what it installed
  fresh    the commands of the README on a minimal Debian 12 and 13, only when named; needs root and debootstrap
  distribution  the suites unit and ros on the Python packages of Debian 12, only when named; needs the same
  soak     long runs, only when named

Arguments after "--" are passed to pytest: ./turret test unit -- -k gimbal
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from turret_bringup.run.prepared import PACKAGES, ROOT

#: Timeout of one test in s; a test that hangs fails with its stack traces.
_TIMEOUT_S = 600
#: Exit code of a script that cannot run here.
_SKIPPED = 77
#: Folders of tests that do not belong to the lane unit.
_OTHER_LANES = ('ros', 'system', 'launched', 'panel', 'installed', 'soak')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        'lanes', metavar='SUITE', nargs='*', type=_lane,
        help='unit, ros, system, panel, colcon, fresh, distribution or soak')
    parser.add_argument(
        '--coverage', action='store_true', help='measure the line coverage of unit, ros and system in their processes')


def run(args: argparse.Namespace) -> int:
    """Run the suites one after the other, also after a failure; return 0 when all that were named have passed.

    A suite that cannot run here is reported as skipped with the reason, and does not count as passed.
    """
    results: dict[str, tuple[str, float]] = {}
    coverage = [f'--cov={package}' for package in PACKAGES] + ['--cov-append', '--cov-report=term:skip-covered']
    for name in args.lanes or [lane for lane in LANES if lane not in _ONLY_WHEN_NAMED]:
        sys.stdout.write(f'== {name} ==\n')
        sys.stdout.flush()
        started = time.monotonic()
        measured = coverage if args.coverage and name in _MEASURED else []
        commands = LANES[name]([*measured, *args.rest])
        missing = sorted({program for program, *_ in commands if not _found(program)})
        if missing:
            outcome = f'skipped: {", ".join(missing)} not found'
        else:
            codes = [_run(command) for command in commands]
            outcome = 'FAILED' if set(codes) - {0, _SKIPPED} else 'skipped' if _SKIPPED in codes else 'passed'
        results[name] = (outcome, time.monotonic() - started)
    for name, (outcome, duration_s) in results.items():
        sys.stdout.write(f'{name:8} {outcome} ({duration_s:.0f} s)\n')
    return int(any(outcome == 'FAILED' or (args.lanes and outcome != 'passed') for outcome, _ in results.values()))


def _pytest(paths: Sequence[Path | str], extra: Sequence[str]) -> list[str]:
    return [sys.executable, '-m', 'pytest', '-q', f'--timeout={_TIMEOUT_S}', *map(str, paths), *extra]


def _unit(extra: Sequence[str]) -> list[list[str]]:
    sources = [str(Path(package) / package) for package in PACKAGES]
    tests = [
        path for package in PACKAGES for path in sorted((ROOT / package / 'test').rglob('test_*.py'))
        if path.relative_to(ROOT / package / 'test').parts[0] not in _OTHER_LANES]
    return [
        [sys.executable, '-m', 'ruff', 'check', '.'],
        [sys.executable, 'tools/generate_stubs.py', 'build/stubs'],
        [sys.executable, '-m', 'mypy', *sources],
        _pytest(tests, extra),
    ]


def _colcon(extra: Sequence[str]) -> list[list[str]]:
    """Return the build and test commands of a distribution's user, run on the wheels; compiled messages are reused."""
    base, cmake = ROOT / 'build' / 'colcon', ROOT / 'cmake' / 'pip_ros.cmake'
    builds = base / 'build' if 'ROS_DISTRO' in os.environ else ROOT / 'build'
    places = ['--build-base', str(builds), '--install-base', str(base / 'install')]
    colcon = ['colcon', '--log-base', str(base / 'log')]
    return [
        ['cmake', '-E', 'rm', '-rf', str(base), *(str(builds / package) for package in PACKAGES)],  # no stale files
        [*colcon, 'build', *places, '--event-handlers', 'console_stderr-', '--cmake-args', '-G', 'Ninja',
         '-DBUILD_TESTING=OFF', f'-DCMAKE_PROJECT_INCLUDE={cmake}'],
        [*colcon, 'test', *places, '--return-code-on-test-failure', '--packages-skip', 'turret_msgs',
         '--event-handlers', 'console_cohesion+', '--pytest-args', 'test/installed',
         *(f' {word}' for word in extra)],  # a space before options of pytest lets colcon pass them on
    ]


def _again() -> list[str]:
    """Return the options that run a failed test of a whole graph up to twice more, and list it as RERUN."""
    return ['--reruns', '2', '-rR'] if importlib.util.find_spec('pytest_rerunfailures') else []


def _folder(*names: str) -> Callable[[Sequence[str]], list[list[str]]]:
    def commands(extra: Sequence[str]) -> list[list[str]]:
        folders = [ROOT / package / 'test' / name for package in PACKAGES for name in names]
        return [_pytest([folder for folder in folders if folder.is_dir()], [*_again(), *extra])]
    return commands


def _panel(extra: Sequence[str]) -> list[list[str]]:
    return [['npm', '--prefix', str(ROOT / 'turret_web' / 'panel'), 'test'], *_folder('panel')(extra)]


def _soak(extra: Sequence[str]) -> list[list[str]]:
    return [_pytest([ROOT / package / 'test' for package in PACKAGES], ['-m', 'soak', '--timeout=0', *extra])]


def _fresh(_: Sequence[str]) -> list[list[str]]:
    return [[str(ROOT / '.ci' / 'fresh'), suite, './turret test unit'] for suite in ('bookworm', 'trixie')]


def _distribution(extra: Sequence[str]) -> list[list[str]]:
    return [[str(ROOT / '.ci' / 'distribution'), *extra]]


LANES: dict[str, Callable[[Sequence[str]], list[list[str]]]] = {
    'unit': _unit, 'ros': _folder('ros'), 'system': _folder('system', 'launched'), 'panel': _panel, 'colcon': _colcon,
    'fresh': _fresh, 'distribution': _distribution, 'soak': _soak}
_ONLY_WHEN_NAMED = ('fresh', 'distribution', 'soak')
_MEASURED = ('unit', 'ros', 'system')


def _lane(name: str) -> str:
    if name not in LANES:
        raise argparse.ArgumentTypeError(f'unknown test suite "{name}"; choose from {", ".join(LANES)}')
    return name


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])


def _found(program: str) -> bool:
    return shutil.which(program, path=_path()) is not None


def _run(command: Sequence[str]) -> int:
    # Without MAKEFLAGS colcon compiles only while the load of the machine is low.
    env = {'MAKEFLAGS': f'-j{os.cpu_count()}', **os.environ, 'PATH': _path()}
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
