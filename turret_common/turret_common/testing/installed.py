# SPDX-License-Identifier: Apache-2.0
"""Comparison of an installed package with its source, for the tests in ``test/installed``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

#: Imports each module of a package. Modules of other projects may be missing (optional dependencies), ours may not.
_IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if (error.name or 'turret_').startswith('turret_'):
            raise
for name, module in list(sys.modules.items()):
    if name.startswith('turret_') and '.' not in name:
        print(name, next(iter(module.__path__)))
"""


def check_installed(package: str) -> None:
    """Compare a package as colcon installed it with its source, in which the test runs.

    All files and executables must be installed and all modules importable, and modules of the turret must come from the
    installation, which holds declared dependencies only. The test is skipped outside of ``colcon test``.

    Raises:
        AssertionError: the installation differs.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)]
    installed = [prefix for prefix in prefixes if (prefix / 'share' / package / 'package.xml').is_file()]
    if 'COLCON' not in os.environ:
        raise unittest.SkipTest('not run by colcon test')
    assert installed, 'the package is not installed'
    source = Path.cwd()
    if (installed[0] / 'share' / package / 'package.xml').is_symlink():
        raise unittest.SkipTest('installed as links to the source')
    with tempfile.TemporaryDirectory() as elsewhere:
        imported = subprocess.run(
            [sys.executable, '-c', _IMPORT_ALL, package], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert imported.returncode == 0, imported.stderr
    places = {name: Path(place) for name, _, place in (line.partition(' ') for line in imported.stdout.splitlines())}
    found = [
        f'{name} is imported from {place}, not from a dependency that package.xml declares'
        for name, place in places.items() if not any(place.is_relative_to(prefix) for prefix in prefixes)]
    files = [path.relative_to(source / package) for path in (source / package).rglob('*') if path.is_file()]
    found += [
        f'{file} is missing' for file in files
        if '__pycache__' not in file.parts and not (places[package] / file).is_file()]
    programs = re.findall(r"'(\w+) = turret_", (source / 'setup.py').read_text())
    found += [
        f'{program} is not executable' for program in programs
        if not os.access(installed[0] / 'lib' / package / program, os.X_OK)]
    assert not found, '\n'.join(found)
