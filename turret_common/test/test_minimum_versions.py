# SPDX-License-Identifier: Apache-2.0
"""Features report packages that are too old or missing in one sentence."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from turret_common.host import minimum_versions


def test_the_basis_is_met_by_what_the_tests_run_on() -> None:
    assert minimum_versions.unmet(minimum_versions.BASIS) == ''


def test_the_page_for_distributions_names_each_minimum() -> None:
    page = (Path(__file__).parents[2] / 'docs' / 'ros.md').read_text()
    for feature, packages in minimum_versions.MINIMUM.items():
        versions = ', '.join(f'{name} {major}.{minor}' for name, (major, minor) in packages.items())
        assert f'\n| {feature} | {versions} |\n' in page


def test_opencv_is_found_by_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('cv2.__version__', '4.5.4')
    assert 'opencv 4.6 or newer is required, and 4.5.4 is installed' in minimum_versions.unmet(minimum_versions.BASIS)
    monkeypatch.setitem(sys.modules, 'cv2', None)
    assert 'opencv 4.6 or newer is required, which is not' in minimum_versions.unmet(minimum_versions.BASIS)


@pytest.mark.parametrize(('installed', 'expected'), [
    ('2.0', ''), ('2.0.1.post3', ''), ('10.1', ''), ('2.1rc1', ''),
    ('1.6.2', 'GPIO pins: gpiozero 2.0 or newer is required, and 1.6.2 is installed')])
def test_an_old_version_is_named(installed: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, 'version', lambda name: installed)
    assert minimum_versions.unmet('GPIO pins') == expected


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(minimum_versions.MINIMUM, 'WebRTC', {'no-such-package': (1, 0)})
    assert minimum_versions.unmet('WebRTC') == (
        'WebRTC: no-such-package 1.0 or newer is required, which is not installed')
