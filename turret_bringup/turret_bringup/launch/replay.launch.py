# SPDX-License-Identifier: Apache-2.0
"""Replay a bag with ros2 launch, in a ROS domain of its own: the same nodes and guards as ./turret replay."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import LogInfo, OpaqueFunction, RegisterEventHandler, Shutdown
from launch.event_handlers import OnShutdown
from launch_ros.actions import Node

from turret_bringup.commands import replay
from turret_bringup.replay import graph, guard
from turret_bringup.replay.options import ReplayOptions
from turret_bringup.run.launch_arguments import REPLAY
from turret_bringup.run.ros_launch import declared, given
from turret_bringup.settings.environment import node_environment
from turret_common.ros.domains import is_in_use


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of a replay."""
    return LaunchDescription([*declared(REPLAY), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[LogInfo | RegisterEventHandler | Node]:
    options = ReplayOptions.from_launch(given(context, REPLAY))
    namespace, recorded, name = replay.examine(options)
    domain = guard.choose_domain(options.domain, os.environ, is_in_use)
    state = tempfile.mkdtemp(prefix='turret-replay-')
    environment = guard.isolated(os.environ, domain, state)
    config = graph.compose(
        namespace, options.player(domain), recorded, replay.web_assignments(options), options.panel)
    files = config.write(Path(state) / 'parameters')
    nodes = [
        Node(
            package=spec.package, executable=spec.name, name=spec.name, namespace=config.namespace,
            parameters=[str(files[spec.name])], arguments=['--ros-args', '--log-level', options.log_level],
            env={**environment, **node_environment(spec, namespace, files[spec.name].parent, environment)},
            output='screen', emulate_tty=True,
            on_exit=[Shutdown(reason='the replay has stopped')] if spec.ends_all else None)
        for spec in config.nodes]
    clean_up = RegisterEventHandler(OnShutdown(on_shutdown=lambda *_: shutil.rmtree(state, ignore_errors=True)))
    return [LogInfo(msg=replay.announcement(name, domain)), clean_up, *nodes]
