# SPDX-License-Identifier: Apache-2.0
"""Show a running turret in three dimensions.

Publishes the topic "markers": tracks, prediction, aim ray, camera frustum, zones and limits. On a ROS distribution
it starts rviz; elsewhere it explains how to use Foxglove, which needs no ROS. --image needs neither.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from turret_bringup.commands.options import add_namespace
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: How long the turret has to show its head.
_TIMEOUT_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file of the turret; may be repeated, later ones win')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='one parameter, for example markers.distance_m=5; may be repeated, wins over files')
    parser.add_argument('--image', type=Path, metavar='FILE', help='write what is seen now as a PNG, and end')
    add_namespace(parser)


def run(args: argparse.Namespace) -> int:
    """Become the node ``markers``, or ``ros2 launch``; or take one image."""
    if 'ROS_DISTRO' in os.environ and not args.image:
        os.execvp('ros2', launch_command(args))

    from turret_bringup.settings import configuration
    from turret_bringup.settings.environment import environment
    from turret_bringup.settings.graph import VIEWERS
    from turret_bringup.settings.viewer_files import adapted
    from turret_common.paths import state_dir

    # Without transforms and a robot model the head is drawn too.
    place = configuration.compose(args.namespace, args.params, args.assignments).effective['controller'].base_camera
    config = configuration.compose(args.namespace, args.params, [
        'markers.draw_head=true', f'markers.base_camera={[*place]}', *args.assignments])
    folder = state_dir(args.namespace) / 'view'
    (markers,) = VIEWERS
    files = dataclasses.replace(config, nodes=VIEWERS).write(folder)
    command = [
        sys.executable, '-m', markers.module, '--ros-args', '-r', f'__ns:=/{args.namespace}',
        '--params-file', str(files[markers.name])]
    os.environ.update(environment(args.namespace))
    parameters, web = config.effective[markers.name], config.effective['web']
    if args.image:
        _take_image(command, args.namespace, args.image, parameters.distance_m)
        return 0
    layout = adapted('turret.foxglove.json', folder, args.namespace, parameters.frame_prefix)
    sys.stdout.write(
        f'drawing on /{args.namespace}/markers; stop it with Ctrl-C\n'
        f'in Foxglove: open a connection of the kind Rosbridge to ws://{web.host}:{web.port}/rosbridge\n'
        f'and import the layout {layout}\n')
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _take_image(command: list[str], namespace: str, path: Path, distance_m: float) -> None:
    from turret_bringup.client.ros_client import TurretClient
    from turret_bringup.markers import image

    node = subprocess.Popen(command)
    try:
        with TurretClient(namespace, timeout_s=_TIMEOUT_S) as client:
            deadline = time.monotonic() + _TIMEOUT_S
            for drawing in client.messages('markers'):
                if 'head' in {marker.ns for marker in drawing.markers}:
                    break
                if time.monotonic() > deadline:
                    raise TurretError(ReasonCode.NOT_READY, f'no pose of the head within {_TIMEOUT_S:g} s')
        try:
            image.draw(drawing.markers, path, distance_m, f'/{namespace}/markers')
        except (OSError, ValueError) as error:  # missing folder, or unknown image format
            raise TurretError(ReasonCode.IO_ERROR, f'{path} cannot be written: {error}') from error
    finally:
        node.terminate()
        node.wait()


def launch_command(args: argparse.Namespace) -> list[str]:
    """Return the ``ros2 launch`` command line that does the same, and more, on a ROS distribution."""
    given = {
        'namespace': args.namespace, 'params_file': ':'.join(str(path.resolve()) for path in args.params),
        'set': shlex.join(args.assignments)}
    return ['ros2', 'launch', 'turret_bringup', 'view.launch.py',
            *(f'{name}:={value}' for name, value in given.items() if value)]
