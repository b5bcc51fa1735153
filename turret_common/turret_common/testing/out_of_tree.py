# SPDX-License-Identifier: Apache-2.0
"""Installation of a small package outside of the source tree, to test extension by other packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def install_package(
        folder: Path, name: str, modules: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]) -> Path:
    """Install a package with pip, without network, and return the folder to put on ``sys.path`` or ``PYTHONPATH``.

    Args:
        folder: empty folder for the source and the installation.
        name: name of the package.
        modules: source text of each module by name.
        entry_points: value (``package.module:Class``) of each entry point by name, by entry point group.
    """
    source, target = folder / 'source', folder / 'installed'
    (source / name).mkdir(parents=True)
    for module, text in {'__init__': '', **modules}.items():
        (source / name / f'{module}.py').write_text(text)
    points = {group: [f'{entry} = {value}' for entry, value in entries.items()] for group, entries in
              entry_points.items()}
    (source / 'setup.py').write_text(
        f'from setuptools import setup\nsetup(name={name!r}, version="1.0", packages=[{name!r}], '
        f'entry_points={points!r})\n')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-build-isolation',
         '--disable-pip-version-check', '--target', str(target), str(source)], check=True, timeout=120)
    return target
