# SPDX-License-Identifier: Apache-2.0
"""The environment variables of the processes of a turret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources

from turret_bringup.settings.graph import NodeSpec

_PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what everything needs that talks to a turret on this machine, unless ``base`` says otherwise."""
    variables = {'ROS_AUTOMATIC_DISCOVERY_RANGE': base.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST'}
    return variables if any(base.get(name) for name in _PROFILES) else variables | _profiles('fastdds.xml')


def node_environment(spec: NodeSpec, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the process of a node needs."""
    return environment(base) | (_profiles('fastdds_shm.xml') if spec.raw_images else {})


def _profiles(file: str) -> dict[str, str]:
    """Return the variables that make Fast DDS read one of our files: its old name for it and its new one."""
    return dict.fromkeys(_PROFILES, str(resources.files('turret_bringup') / 'config' / file))
