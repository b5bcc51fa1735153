"""Start the turret and print the panel's address.

Without parameter files everything is simulated. A file that gives the gimbal or the laser a driver describes hardware:
then only that is simulated which the file says.
"""

from __future__ import annotations

import argparse
import os
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import instance, panel_address
from turret_common.errors import TurretError
from turret_common.paths import runtime_dir, state_dir
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.run.supervisor import Supervisor

LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
#: How long, and how often, the panel is looked for after the start.
_REACHABLE_S = 60.0
_LOOK_AGAIN_S = 0.1
#: How the virtual head behaves in footage: it does not turn beyond a picture of 16 to 9, and goes home after a loss.
WITHIN_THE_PICTURE = (
    'gimbal.pan.lower=-0.27', 'gimbal.pan.upper=0.27', 'gimbal.tilt.lower=-0.11', 'gimbal.tilt.upper=0.11',
    'controller.recenter_on_loss=true')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument(
        '--video', type=Path, metavar='FILE', help='footage in place of the simulated camera; it loops')
    pictures.add_argument('--camera', type=Path, metavar='DEVICE', help='a real camera, for example /dev/video0')
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file, or the name of an example such as pi5_step_dir.yaml; may be repeated, later ones win')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='one parameter; may be repeated, wins over files')
    add_namespace(parser)
    parser.add_argument('--host', metavar='ADDRESS', help='address that the panel listens on (default: 127.0.0.1)')
    parser.add_argument('--port', metavar='PORT', help='port that the panel listens on (default: 8000)')
    parser.add_argument('--detach', action='store_true', help='go on in the background; ./turret down ends it')
    parser.add_argument(
        '--log-level', choices=LOG_LEVELS, default='info', help='least severity shown (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Run the turret until it is told to end."""
    _require_inputs(args)
    if args.detach:
        return _detach(args.namespace)
    if 'ROS_DISTRO' in os.environ:
        os.execvp('ros2', launch_command(args))

    from turret_bringup.run import processes, shared_memory
    from turret_bringup.run.supervisor import Supervisor
    from turret_bringup.settings import configuration
    from turret_control import wiring

    with instance.held(args.namespace):
        config = configuration.compose(args.namespace, args.params, assignments(args))
        wiring.require_devices(*config.hardware())
        web = config.effective['web']
        panel_address.require_free(web.host, web.port)
        files = config.write(runtime_dir(args.namespace) / 'parameters')
        colored = sys.stdout.isatty()
        supervisor = Supervisor(
            processes.commands(config, files, args.log_level, colored), preload=processes.PRELOADED,
            clean_up=shared_memory.clear_orphans)
        for line in [*config.notes, configuration.announcement(config)]:
            supervisor.say(line)
        code = supervisor.run(teller(supervisor, web.host, web.port))
    if supervisor.refusal is not None:
        sys.stderr.write(f'turret: {supervisor.refusal}\n')
    return code


def assignments(args: argparse.Namespace) -> list[str]:
    """Return the single parameters that the command line gives, ``node.name=value``."""
    values = _assigned(args)
    if args.video:
        values += ['camera.source=file', f'camera.video_file="{args.video.resolve()}"']
    if args.camera:
        values += ['camera.source=v4l2', f'camera.device="{args.camera}"']
    values += [f'web.{name}={value}' for name, value in (('host', args.host), ('port', args.port)) if value is not None]
    return values


def _assigned(args: argparse.Namespace) -> list[str]:
    return [*(WITHIN_THE_PICTURE if args.video else ()), *args.assignments]


def launch_command(args: argparse.Namespace) -> list[str]:
    """Return the ``ros2 launch`` command line that does the same on a ROS distribution."""
    given = {
        'namespace': args.namespace,
        'params_file': ':'.join(str(path.resolve() if path.exists() else path) for path in args.params),
        'set': shlex.join(_assigned(args)),
        'camera': args.camera,
        'video_file': args.video and args.video.resolve(),
        'host': args.host,
        'port': args.port,
        'log_level': args.log_level,
    }
    return [
        'ros2', 'launch', 'turret_bringup', 'turret.launch.py',
        *(f'{name}:={value}' for name, value in given.items() if value)]


def _require_inputs(args: argparse.Namespace) -> None:
    if args.video and not args.video.is_file():
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no video file {args.video}')
    if args.video and not _is_video(args.video):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{args.video} is not a video that can be played')
    if args.camera and not (args.camera.exists() and stat.S_ISCHR(args.camera.stat().st_mode)):
        raise TurretError(ReasonCode.CAMERA_ABSENT, f'there is no camera {args.camera}')
    if args.camera and not os.access(args.camera, os.R_OK | os.W_OK):
        raise TurretError(
            ReasonCode.IO_ERROR, f'no permission to use {args.camera}; add yourself to its group: '
            f'sudo usermod -aG {args.camera.group()} $USER, and sign in again')


def _is_video(path: Path) -> bool:
    """Return whether a first picture can be decoded; tried in a process of its own, for the memory that it takes."""
    probe = 'import av, sys; next(av.open(sys.argv[1]).decode(video=0))'
    return subprocess.run([sys.executable, '-c', probe, path], stderr=subprocess.DEVNULL, check=False).returncode == 0


def teller(supervisor: Supervisor, host: str, port: int) -> Callable[[], float | None]:
    """Return the function that looks whether the panel is reachable, and says so once."""
    deadline = time.monotonic() + _REACHABLE_S

    def look() -> float | None:
        if panel_address.is_reachable(host, port):
            for line in panel_address.addresses(host, port, os.environ):
                supervisor.say(line)
        elif time.monotonic() > deadline:
            supervisor.say(f'no panel on {host} port {port} after {_REACHABLE_S:g} s; ./turret doctor may know why')
        else:
            return _LOOK_AGAIN_S
        return None
    return look


def _detach(namespace: str) -> int:
    log = state_dir(namespace) / 'turret.log'
    command = [sys.executable, '-m', 'turret_bringup.cli', *(word for word in sys.argv[1:] if word != '--detach')]
    with log.open('w') as output:
        supervisor = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    while supervisor.poll() is None:
        lines = log.read_text().splitlines()
        told = [line.partition(' | ')[2] for line in lines if line.startswith('turret ')]
        if any('panel' in line for line in told):
            ending = f'end it with: ./turret down --namespace {namespace}'
            sys.stdout.write('\n'.join([*told, f'log: {log}', ending, '']))
            return 0
        time.sleep(0.05)
    sys.stderr.write(log.read_text())
    return supervisor.returncode
