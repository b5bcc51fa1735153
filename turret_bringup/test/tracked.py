# SPDX-License-Identifier: Apache-2.0
"""The files of the repository that git tracks."""

from __future__ import annotations

import subprocess

import pytest

from turret_bringup.run.prepared import ROOT


def tracked_files() -> list[str]:
    """Return the paths relative to the root; without git or outside of a git checkout, skip the test."""
    try:
        listed = subprocess.run(
            ['git', '-C', ROOT, 'ls-files', '-z'], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        listed = ''
    if not listed:
        pytest.skip('needs git and a git checkout')
    return [name for name in listed.split('\0') if (ROOT / name).is_file()]
