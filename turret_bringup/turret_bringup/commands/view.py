"""Draw what the turret knows in three dimensions, beside a running turret.

Publishes the topic "markers": tracks, prediction, aim ray, what the camera sees, zones and limits. On a ROS
distribution it starts rviz; elsewhere it says how to see it in Foxglove, which needs no ROS.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys
from pathlib import Path

from turret_bringup.commands.options import add_namespace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file of the turret; may be repeated, later ones win')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='one parameter, for example markers.distance_m=5; may be repeated, wins over files')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Become the node ``markers``, or ``ros2 launch``."""
    if 'ROS_DISTRO' in os.environ:
        os.execvp('ros2', launch_command(args))

    from turret_bringup import configuration
    from turret_bringup.environment import environment
    from turret_bringup.graph import VIEWERS
    from turret_bringup.viewer_files import adapted
    from turret_common.state_dir import runtime_dir

    # Without transforms and a robot model the head is drawn too.
    config = configuration.compose(args.namespace, args.params, ['markers.draw_head=true', *args.assignments])
    folder = runtime_dir(args.namespace) / 'view'
    (markers,) = VIEWERS
    files = dataclasses.replace(config, nodes=VIEWERS).write(folder)
    layout = adapted('turret.foxglove.json', folder, args.namespace, config.effective['markers'].frame_prefix)
    web = config.effective['web']
    sys.stdout.write(
        f'drawing on /{args.namespace}/markers; end with Ctrl-C\n'
        f'in Foxglove: open a connection of the kind Rosbridge to ws://{web.host}:{web.port}/rosbridge\n'
        f'and import the layout {layout}\n')
    sys.stdout.flush()
    os.environ.update(environment())
    os.execv(sys.executable, [
        sys.executable, '-m', markers.module, '--ros-args', '-r', f'__ns:=/{args.namespace}',
        '--params-file', str(files[markers.name])])


def launch_command(args: argparse.Namespace) -> list[str]:
    """Return the ``ros2 launch`` command line that does the same, and more, on a ROS distribution."""
    given = {
        'namespace': args.namespace, 'params_file': ':'.join(str(path.resolve()) for path in args.params),
        'set': shlex.join(args.assignments)}
    return ['ros2', 'launch', 'turret_bringup', 'view.launch.py',
            *(f'{name}:={value}' for name, value in given.items() if value)]
