"""Replay a bag with ros2 launch, in a ROS domain of its own: the same nodes and guards as ./turret replay."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import LogInfo, OpaqueFunction, RegisterEventHandler, Shutdown
from launch.event_handlers import OnShutdown
from launch_ros.actions import Node

from turret_bringup.commands import replay
from turret_bringup.replay import graph, guard
from turret_bringup.run.launch_arguments import REPLAY
from turret_bringup.run.ros_launch import declared, given
from turret_bringup.settings.environment import node_environment
from turret_common.ros.domains import is_in_use


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of a replay."""
    return LaunchDescription([*declared(REPLAY), OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[LogInfo | RegisterEventHandler | Node]:
    args = _parsed(given(context, REPLAY))
    args.bag = Path(args.bag)
    namespace, recorded, name = replay.look_into(args)
    domain = guard.choose_domain(args.domain, os.environ, is_in_use)
    state = tempfile.mkdtemp(prefix='turret-replay-')
    environment = guard.isolated(os.environ, domain, state)
    config = graph.compose(
        namespace, replay.player_parameters(args, domain), recorded, replay.web_assignments(args), not args.no_panel)
    files = config.write(Path(state) / 'parameters')
    nodes = [
        Node(
            package=spec.package, executable=spec.name, name=spec.name, namespace=config.namespace,
            parameters=[str(files[spec.name])], arguments=['--ros-args', '--log-level', args.log_level],
            env={**environment, **node_environment(spec, environment)}, output='screen', emulate_tty=True,
            on_exit=[Shutdown(reason='the replay has ended')] if spec.ends_all else None)
        for spec in config.nodes]
    forget = RegisterEventHandler(OnShutdown(on_shutdown=lambda *_: shutil.rmtree(state, ignore_errors=True)))
    return [LogInfo(msg=replay.announcement(name, domain)), forget, *nodes]


def _parsed(values: Mapping[str, str]) -> argparse.Namespace:
    """Return launch arguments as those of ./turret replay, which checks them."""
    parser = argparse.ArgumentParser(prog='replay.launch.py')
    replay.add_arguments(parser)
    words = [values['bag'], '--log-level', values['log_level']]
    words += [f'--{name}' for name in ('loop', 'hold', 'paused') if values[name] == 'true']
    words += ['--no-panel'] if values['panel'] == 'false' else []
    words += [word for name in ('domain', 'port', 'rate', 'start', 'clock') if values[name]
              for word in (f'--{name}', values[name])]
    words += [word for name in ('into', 'set') for value in shlex.split(values[name]) for word in (f'--{name}', value)]
    for name in ('topics', 'remap'):
        words += [f'--{name}', *shlex.split(values[name])] if values[name] else []
    return parser.parse_args(words)
