# SPDX-License-Identifier: Apache-2.0
"""Patterns of names relative to a namespace."""

import pytest

from turret_common.name_patterns import NamePatterns


@pytest.mark.parametrize('namespace', ['turret', '/turret', '/turret/'])
def test_patterns_without_a_leading_slash_are_relative(namespace: str) -> None:
    names = NamePatterns(namespace, ['camera/*', '/diagnostics'])
    assert names.patterns == ('/turret/camera/*', '/diagnostics')
    assert '/turret/camera/state' in names
    assert '/turret/camera/image_raw/compressed' in names
    assert '/diagnostics' in names
    for other in ('/other/camera/state', '/turret/Camera/state', 'camera/state', '/x/turret/camera/state',
                  '/diagnostics_agg', None, 7):
        assert other not in names


def test_no_pattern_matches_nothing_and_a_root_namespace_is_empty() -> None:
    assert '' not in NamePatterns('turret', [])
    assert '/status' in NamePatterns('/', ['status'])
