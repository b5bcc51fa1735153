# SPDX-License-Identifier: Apache-2.0
"""What each process of the graph runs, and with which environment."""

from __future__ import annotations

import ctypes
import functools
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

import setproctitle

from turret_bringup.run.supervisor import Command
from turret_bringup.settings.configuration import Configuration
from turret_bringup.settings.environment import node_environment
from turret_bringup.settings.graph import NodeSpec

#: Modules that nearly every node imports. rclpy itself imports those of the middle lines when it makes a node; they
#: would cost each process 18 MB.
PRELOADED = (
    'rclpy.action', 'rcl_interfaces.srv', 'sensor_msgs.msg', 'turret_msgs.action', 'turret_msgs.msg', 'turret_msgs.srv',
    'rosidl_generator_py', 'rosidl_parser.parser', 'service_msgs.msg', 'std_msgs.msg',
    'type_description_interfaces.msg',
    'turret_common.ros.node', 'turret_common.ros.params', 'turret_common.ros.subscriptions')

_M_ARENA_MAX = -8  # of glibc's mallopt


def commands(
        configuration: Configuration, parameter_files: Mapping[str, Path], log_level: str = 'info',
        colored: bool = False, base: Mapping[str, str] = os.environ) -> list[Command]:
    """Return one command for each node of a configuration.

    Args:
        configuration: what to start.
        parameter_files: of each node, as :meth:`Configuration.write` makes them.
        log_level: minimum severity of log messages.
        colored: whether their output goes to a terminal.
        base: the environment that they inherit; its values take precedence.
    """
    shared = {
        'RCUTILS_CONSOLE_OUTPUT_FORMAT': base.get('RCUTILS_CONSOLE_OUTPUT_FORMAT', '[{severity}] {message}'),
        'RCUTILS_COLORIZED_OUTPUT': str(int(colored)),
    }
    return [
        Command(
            name=spec.name,
            main=functools.partial(
                _run, spec, {
                    **shared,
                    **node_environment(spec, configuration.namespace, parameter_files[spec.name].parent, base)},
                ['-r', f'__ns:=/{configuration.namespace}', '-r', f'__node:={spec.name}',
                 '--params-file', str(parameter_files[spec.name]), '--log-level', log_level]),
            ends_last=spec.simulation_only, ends_all=spec.ends_all)
        for spec in configuration.nodes]


def _run(spec: NodeSpec, variables: Mapping[str, str], ros_arguments: list[str]) -> int:
    """Do what ``python -m`` with the node's module would do."""
    setproctitle.setproctitle(f'turret {spec.name}')  # before the environment moves: it needs its place
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)  # one arena for each thread would cost some 10 MB
    os.environ.update(variables)
    from turret_common.ros.node import NO_LOG_FILE  # preloaded; its rclpy is nothing for the supervisor itself
    sys.argv = [spec.name, '--ros-args', *ros_arguments, *NO_LOG_FILE]
    runpy.run_module(spec.module, run_name='__main__', alter_sys=True)
    return 0
