"""What each process of the graph runs, and with which environment."""

from __future__ import annotations

import ctypes
import functools
import os
import runpy
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import setproctitle

from turret_bringup.configuration import Configuration
from turret_bringup.graph import NodeSpec
from turret_bringup.supervisor import Command

#: Modules that nearly every node imports.
PRELOADED = (
    'rclpy.action', 'rcl_interfaces.srv', 'turret_common.ros_node', 'turret_common.ros_params', 'turret_msgs.msg',
    'turret_msgs.srv', 'turret_msgs.action')

_M_ARENA_MAX = -8  # of glibc's mallopt


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
    }
    return [
        Command(
            name=spec.name,
            main=functools.partial(
                _run, spec, shared,
                ['-r', f'__ns:=/{configuration.namespace}', '-r', f'__node:={spec.name}',
                 '--params-file', str(parameter_files[spec.name]), '--log-level', log_level]),
            ends_last=spec.simulation_only)
        for spec in configuration.nodes]


def raw_image_profile() -> Path:
    """Return the path of the Fast DDS profile for processes that publish raw images."""
    return Path(str(resources.files('turret_bringup') / 'config' / 'fastdds_shm.xml'))


def _run(spec: NodeSpec, variables: Mapping[str, str], ros_arguments: list[str]) -> int:
    """Do what ``python -m`` with the node's module would do."""
    setproctitle.setproctitle(f'turret {spec.name}')  # before the environment moves: it needs its place
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)  # one arena for each thread would cost some 10 MB
    os.environ.update(variables)
    if spec.raw_images:
        profile = str(raw_image_profile())
        os.environ.update(FASTRTPS_DEFAULT_PROFILES_FILE=profile, FASTDDS_DEFAULT_PROFILES_FILE=profile)
    sys.argv = [spec.name, '--ros-args', *ros_arguments]
    runpy.run_module(spec.module, run_name='__main__', alter_sys=True)
    return 0
