# SPDX-License-Identifier: Apache-2.0
"""Features report packages that are too old or missing in one sentence."""

from __future__ import annotations

from importlib import metadata

import pytest

from turret_common.host import minimum_versions


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
