"""The environment variables of the processes of a turret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources

from turret_bringup.graph import NodeSpec


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what everything needs that talks to a turret on this machine, unless ``base`` says otherwise."""
    return {'ROS_AUTOMATIC_DISCOVERY_RANGE': base.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST'}


def node_environment(spec: NodeSpec, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what the process of a node needs."""
    variables = environment(base)
    if spec.raw_images:
        profile = str(resources.files('turret_bringup') / 'config' / 'fastdds_shm.xml')
        variables |= {'FASTRTPS_DEFAULT_PROFILES_FILE': profile, 'FASTDDS_DEFAULT_PROFILES_FILE': profile}
    return variables
