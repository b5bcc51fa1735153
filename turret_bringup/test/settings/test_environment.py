# SPDX-License-Identifier: Apache-2.0
"""The environment of the turret's processes: which Fast DDS profile each of them reads."""

from __future__ import annotations

import dataclasses
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from turret_bringup.settings.environment import environment, node_environment
from turret_bringup.settings.graph import GRAPH

_NAMES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
_SPEC = GRAPH[0]


def files(variables: dict[str, str]) -> set[str]:
    return {Path(variables[name]).name for name in _NAMES if name in variables}


def test_every_process_announces_itself_for_long_and_image_publishers_have_room_too() -> None:
    assert files(environment({})) == {'fastdds.xml'}
    assert files(node_environment(dataclasses.replace(_SPEC, raw_images=False), {})) == {'fastdds.xml'}
    assert files(node_environment(dataclasses.replace(_SPEC, raw_images=True), {})) == {'fastdds_shm.xml'}


@pytest.mark.parametrize('name', _NAMES)
def test_a_profile_of_the_shell_is_used(name: str) -> None:
    assert files(environment({name: '/own.xml'})) == set()


def test_both_profiles_discover_alike() -> None:
    found = []
    for file in ('fastdds.xml', 'fastdds_shm.xml'):
        root = ElementTree.parse(str(resources.files('turret_bringup') / 'config' / file)).getroot()
        (discovery,) = root.findall('.//{*}discovery_config')
        found.append([(element.tag, (element.text or '').strip()) for element in discovery.iter()])
    assert found[0] == found[1]
