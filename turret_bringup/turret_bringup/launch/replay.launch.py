"""Replay a bag with ros2 launch, in a ROS domain of its own: the same nodes and guards as ./turret replay."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, RegisterEventHandler, Shutdown
from launch.event_handlers import OnShutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from turret_bringup import replay_graph, replay_guard
from turret_bringup.commands import replay
from turret_bringup.environment import node_environment
from turret_common.domains import is_in_use

# Name, default and description of each argument.
_ARGUMENTS = (
    ('bag', '', 'folder of a bag, or an MCAP file'),
    ('domain', '', 'ROS domain to use; empty: one that is free'),
    ('rate', '1.0', 'recorded seconds per second'),
    ('loop', 'false', 'begin again at the end'),
    ('hold', 'false', 'stay at the end instead of ending'),
    ('paused', 'false', 'wait at the start'),
    ('start', '0.0', 'begin so many seconds into the bag'),
    ('topics', '', 'patterns of the topics to play, with a space between them; empty: all'),
    ('remap', '', 'topics to play under other names, /from:=/to with a space between them'),
    ('clock', '200.0', 'largest rate of /clock, the recorded time; 0: none'),
    ('into', '', 'what runs again on what was recorded: vision, control, or both with a space between them'),
    ('set', '', 'single parameters of nodes that run again, node.name=value with a space between them'),
    ('panel', 'true', 'whether to have a panel'),
    ('port', '', 'port of the panel; empty: the first free one from 8000 on'),
    ('log_level', 'info', 'least severity that the nodes write: debug, info, warn, error, fatal'),
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes of a replay."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, description=text, **({'default_value': default} if name != 'bag' else {}))
          for name, default, text in _ARGUMENTS),
        OpaqueFunction(function=_start),
    ])


def _start(context: LaunchContext) -> list[LogInfo | RegisterEventHandler | Node]:
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in _ARGUMENTS}
    args = _parsed(given)
    args.bag = Path(args.bag)
    namespace, recorded, name = replay.look_into(args)
    domain = replay_guard.choose_domain(args.domain, os.environ, is_in_use)
    state = tempfile.mkdtemp(prefix='turret-replay-')
    environment = replay_guard.isolated(os.environ, domain, state)
    config = replay_graph.compose(
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


def _parsed(given: dict[str, str]) -> argparse.Namespace:
    """Return launch arguments as those of ./turret replay, which checks them."""
    parser = argparse.ArgumentParser(prog='replay.launch.py')
    replay.add_arguments(parser)
    words = [given['bag'], '--log-level', given['log_level']]
    words += [f'--{name}' for name in ('loop', 'hold', 'paused') if given[name] == 'true']
    words += ['--no-panel'] if given['panel'] == 'false' else []
    words += [word for name in ('domain', 'port', 'rate', 'start', 'clock') if given[name]
              for word in (f'--{name}', given[name])]
    words += [word for name in ('into', 'set') for value in shlex.split(given[name]) for word in (f'--{name}', value)]
    words += [word for name in ('topics', 'remap') if given[name] for word in (f'--{name}', *shlex.split(given[name]))]
    return parser.parse_args(words)
