# SPDX-License-Identifier: Apache-2.0
"""Checks whether the steps of the set-up have produced what they should; shared by ``./turret`` and the doctor.

Run as a program with the names of steps, it prints one line for each step that has to be done, with the reason. It uses
the standard library only, because every other package may be missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENV = ROOT / '.venv'
#: Python packages of the turret, in order of their dependencies.
PACKAGES = ('turret_common', 'turret_camera', 'turret_vision', 'turret_control', 'turret_web', 'turret_bringup')
#: Modules of the section ``runtime`` of the lock file that must be importable; the ones that have failed before.
_RUNTIME = ('rclpy', 'numpy', 'cv2', 'aiohttp', 'yaml', 'orjson', 'mcap')
_REQUIREMENT = re.compile(r'^([\w.-]+)==(\S+?)(?: ; (.*?))? \\$')


class _NotPreparedError(Exception):
    pass


def _venv() -> None:
    text = (VENV / 'bin' / 'activate').read_text()
    if str(VENV) not in text and shlex.quote(str(VENV)) not in text:
        raise _NotPreparedError('was made in another folder')
    importlib.import_module('pip')


def _section(name: str) -> None:
    """Compare the installed packages with one section of the lock file."""
    markers = importlib.import_module('pip._vendor.packaging.markers')
    text = (ROOT / 'requirements' / 'lock.txt').read_text().partition(f'# == {name} ==\n')[2].partition('\n# == ')[0]
    for match in filter(None, map(_REQUIREMENT.match, text.splitlines())):
        project, version, marker = match.groups()
        if marker and not markers.Marker(marker).evaluate():
            continue
        try:
            installed = metadata.version(project)
        except metadata.PackageNotFoundError:
            raise _NotPreparedError(f'{project} is not installed') from None
        if installed != version:
            raise _NotPreparedError(f'{project} {installed} is installed instead of {version}')


def _runtime() -> None:
    _section('runtime')
    for module in _RUNTIME:
        importlib.import_module(module)


def _messages() -> None:
    for kind in ('msg', 'srv', 'action'):
        module = importlib.import_module(f'turret_msgs.{kind}')
        for path in (ROOT / 'turret_msgs' / kind).glob(f'*.{kind}'):
            if not hasattr(module, path.stem):
                raise _NotPreparedError(f'turret_msgs has no {path.stem}')
    importlib.import_module('turret_msgs.msg').TurretStatus.__class__.__import_type_support__()


def _panel() -> None:
    folder = ROOT / 'turret_web' / 'turret_web' / 'panel'
    if not (folder / 'index.html').is_file() or not any((folder / 'assets').glob('*.js')):
        raise _NotPreparedError('the panel is not built')


def _emulators() -> None:
    for package in ('rp2040js', '@micropython/micropython-webassembly-pyscript'):
        if not (ROOT / 'firmware' / 'emulation' / 'node_modules' / package / 'package.json').is_file():
            raise _NotPreparedError(f'{package} is not installed')


def _packages() -> None:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise _NotPreparedError(f'{package} is not installed')
        if not Path(spec.origin).is_relative_to(ROOT / package):
            raise _NotPreparedError(f'{package} is installed from {Path(spec.origin).parent}')


#: Check of each step.
STEPS: dict[str, Callable[[], None]] = {
    'venv': _venv, 'installer': lambda: _section('installer'), 'runtime': _runtime,
    'test': lambda: _section('test'), 'docs': lambda: _section('docs'), 'hardware': lambda: _section('hardware'),
    'panel': _panel, 'emulators': _emulators, 'messages': _messages, 'packages': _packages}


def missing(steps: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each of the steps that has to be done, with the reason, as seen by this interpreter."""
    for step in steps:
        try:
            STEPS[step]()
        except Exception as error:  # noqa: BLE001  a broken package may raise anything at import
            kind = '' if isinstance(error, _NotPreparedError) else f'{type(error).__name__}: '
            yield step, f'{kind}{error}'


def missing_in_venv(steps: list[str]) -> dict[str, str]:
    """Return the steps that have to be done, with the reason, as seen by the virtual environment's interpreter."""
    python = VENV / 'bin' / 'python'
    try:
        done = subprocess.run(
            [python, '-I', __file__, *steps], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return dict.fromkeys(steps, str(error))
    if done.returncode:
        return dict.fromkeys(steps, done.stderr.strip().rpartition('\n')[2] or f'{python} fails')
    return dict(line.split(' ', 1) for line in done.stdout.splitlines())


if __name__ == '__main__':
    for name, reason in missing(sys.argv[1:]):
        sys.stdout.write(f'{name} {" ".join(reason.split())}\n')
