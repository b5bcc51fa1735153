"""Start the turret.

Without arguments everything is simulated. A parameter file that names a driver of gimbal or laser makes it real:
then nothing is simulated that the file does not say.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from turret_bringup import configuration, instance, processes
from turret_bringup.commands.options import add_namespace
from turret_bringup.graph import GRAPH, NodeSpec
from turret_bringup.supervisor import Supervisor
from turret_common.state_dir import runtime_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--video', type=Path, metavar='FILE', help='footage instead of the simulated camera, looping')
    source.add_argument('--camera', metavar='DEVICE', help='a real camera, for example /dev/video0')
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file; may be repeated, later ones win')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.PARAMETER=VALUE', dest='assignments',
        help='one parameter; may be repeated, wins over files')
    add_namespace(parser)
    parser.add_argument('--host', metavar='ADDRESS', help='address that the panel listens on (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, metavar='PORT', help='port of the panel (default: 8000)')
    parser.add_argument(
        '--log-level', choices=processes.LOG_LEVELS, default='info', help='least severity shown (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Run the turret until it is told to end."""
    with instance.held(args.namespace):
        config = configuration.compose(args.namespace, args.params, _assignments(args), graph=_present())
        files = config.write(runtime_dir(args.namespace) / 'parameters')
        supervisor = Supervisor(processes.commands(config, files, args.log_level, colored=sys.stdout.isatty()))
        for note in config.notes:
            supervisor.say(note)
        if config.simulated():
            supervisor.say(f'SIMULATION: {", ".join(config.simulated())}')
        code = supervisor.run()
    if supervisor.refusal:
        sys.stderr.write(f'turret: {supervisor.refusal}\n')
    return code


def _assignments(args: argparse.Namespace) -> list[str]:
    values = list(args.assignments)
    if args.video:
        values += ['camera.source=file', f'camera.video_file={args.video.resolve()}']
    if args.camera:
        values += ['camera.source=v4l2', f'camera.device={args.camera}']
    if args.host:
        values.append(f'web.host={args.host}')
    if args.port is not None:
        values.append(f'web.port={args.port}')
    return values


def _present() -> list[NodeSpec]:
    """Return the nodes whose code exists."""
    def exists(spec: NodeSpec) -> bool:
        return all(importlib.util.find_spec(f'{spec.package}.{spec.name}_{part}') for part in ('node', 'parameters'))
    missing = [spec.name for spec in GRAPH if not exists(spec)]
    if missing:
        sys.stderr.write(f'not there yet: {", ".join(missing)}\n')
    return [spec for spec in GRAPH if exists(spec)]
