"""The command line and environment of each node's process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from turret_bringup.configuration import Configuration
from turret_bringup.supervisor import Command


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of everything that talks to a turret on this machine."""
    return {**base, 'ROS_AUTOMATIC_DISCOVERY_RANGE': base.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'LOCALHOST'}


def commands(
        configuration: Configuration, parameter_files: Mapping[str, Path], log_level: str = 'info',
        colored: bool = False, base: Mapping[str, str] = os.environ) -> list[Command]:
    """Return one command for each node of a configuration.

    Args:
        configuration: what to start.
        parameter_files: of each node, as :meth:`Configuration.write` makes them.
        log_level: least severity that the nodes write.
        colored: whether their output goes to a terminal.
        base: the environment that they inherit.
    """
    shared = {
        'RCUTILS_CONSOLE_OUTPUT_FORMAT': '[{severity}] {message}',
        **environment(base),
        'RCUTILS_COLORIZED_OUTPUT': str(int(colored)),
        'PYTHONUNBUFFERED': '1',
        'MALLOC_ARENA_MAX': '2',  # one arena for each thread would cost every process some 10 MB
    }
    profile = str(raw_image_profile())
    with_profile = {**shared, 'FASTRTPS_DEFAULT_PROFILES_FILE': profile, 'FASTDDS_DEFAULT_PROFILES_FILE': profile}
    return [
        Command(
            name=spec.name,
            argv=[
                sys.executable, '-m', spec.module, '--ros-args', '-r', f'__ns:=/{configuration.namespace}',
                '-r', f'__node:={spec.name}', '--params-file', str(parameter_files[spec.name]),
                '--log-level', log_level],
            env=with_profile if spec.raw_images else shared,
            ends_last=spec.simulation_only)
        for spec in configuration.nodes]


def raw_image_profile() -> Path:
    """Return the path of the Fast DDS profile for processes that publish raw images."""
    return Path(str(resources.files('turret_bringup') / 'config' / 'fastdds_shm.xml'))
