# SPDX-License-Identifier: Apache-2.0
"""Start the turret and print the panel's address.

Without parameter files everything is simulated. A file that sets a driver of the gimbal or the laser describes real
hardware; then only what the file declares as such is simulated.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from turret_bringup.commands.options import add_namespace
from turret_bringup.run import inputs, instance, panel_address
from turret_bringup.settings.environment import discovery, remember_discovery, require_supported
from turret_bringup.settings.graph import HARDWARE, groups_named
from turret_common.messages.run_key import renew_run_key
from turret_common.paths import state_dir

if TYPE_CHECKING:
    from turret_bringup.run.supervisor import Supervisor
    from turret_web.web_parameters import WebParameters

LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
#: Timeout and polling period of the panel after the start.
_REACHABLE_S = 60.0
_POLL_S = 0.1
#: Logs of earlier starts in the background that are kept.
_OLD_LOGS = 3
#: Limits of the virtual head in footage: it stays within a 16:9 frame, and returns to home after a loss.
WITHIN_THE_FRAME = (
    'gimbal.pan.lower=-0.27', 'gimbal.pan.upper=0.27', 'gimbal.tilt.lower=-0.11', 'gimbal.tilt.upper=0.11',
    'controller.recenter_on_loss=true')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        '--video', type=Path, metavar='FILE',
        help='video file, or folder of images, used instead of the simulated camera, in a loop')
    source.add_argument('--camera', type=Path, metavar='DEVICE', help='real camera, for example /dev/video0')
    parser.add_argument(
        '--params', type=Path, action='append', default=[], metavar='FILE',
        help='parameter file, or name of an example such as pi5_step_dir.yaml (repeatable; later ones take precedence)')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='single parameter (repeatable; takes precedence over files)')
    add_namespace(parser)
    parser.add_argument(
        '--only', default='', metavar='GROUP[,GROUP]',
        help='groups of nodes to start on this host: hardware, perception, control, operator (default: all)')
    parser.add_argument(
        '--peers', default='', metavar='HOST[,HOST]', help='other hosts of the turret (default: this host only)')
    parser.add_argument(
        '--discovery-server', default='', metavar='HOST[:PORT]', help='Fast DDS discovery server')
    parser.add_argument('--host', metavar='ADDRESS', help='address that the panel listens on (default: 127.0.0.1)')
    parser.add_argument(
        '--port', metavar='PORT',
        help='port that the panel listens on (default: 8000; another one for each other namespace)')
    parser.add_argument('--detach', action='store_true', help='run in the background; ./turret down stops it')
    parser.add_argument(
        '--log-level', choices=LOG_LEVELS, default='info', help='minimum severity shown (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Run the turret until it is stopped."""
    groups = groups_named(args.only)
    os.environ.update(discovery(args.peers, args.discovery_server))
    if args.video and HARDWARE in groups:
        inputs.require_footage(args.video)
    if args.camera and HARDWARE in groups:
        inputs.require_camera(args.camera)
    if 'ROS_DISTRO' not in os.environ:
        require_supported()
    if args.detach:
        return _detach(args)
    if 'ROS_DISTRO' in os.environ:
        os.execvp('ros2', launch_command(args))

    from turret_bringup.run import assignment, processes, shared_memory
    from turret_bringup.run.supervisor import Supervisor
    from turret_bringup.settings import configuration
    from turret_control import wiring

    with instance.held(args.namespace, groups), ExitStack() as locks:
        joined = assignment.join_domain(args.namespace, groups)
        locks.enter_context(joined.locks)
        os.environ['ROS_DOMAIN_ID'] = str(joined.number)
        config = configuration.compose(
            args.namespace, args.params, assignments(args), groups=groups,
            panel_port=assignment.panel_port(args.namespace))
        if HARDWARE in groups:
            wiring.require_devices(*config.hardware())
            locks.enter_context(assignment.devices_held(config))
            renew_run_key(args.namespace)
        web = config.effective['web']
        if config.starts('web'):
            panel_address.require_free(web.host, web.port)
        remember_discovery(args.namespace)
        files = config.write(configuration.effective_folder(args.namespace))
        colored = sys.stdout.isatty()
        supervisor = Supervisor(
            processes.commands(config, files, args.log_level, colored), preload=processes.PRELOADED,
            clean_up=shared_memory.Leftovers().clear)
        for line in [*joined.notes, *config.notes, configuration.announcement(config)]:
            supervisor.write(line)
        started = f'started: {", ".join(spec.name for spec in config.nodes)}'
        code = supervisor.run(
            panel_announcer(supervisor, args.namespace, web) if config.starts('web')
            else lambda: supervisor.write(started))
    if supervisor.refusal is not None:
        sys.stderr.write(f'turret: {supervisor.refusal}\n')
    return code


def assignments(args: argparse.Namespace) -> list[str]:
    """Return the single parameters of the command line as ``node.name=value``."""
    values = _assigned(args)
    if args.video:
        values += ['camera.source=file', f'camera.video_file={json.dumps(str(args.video.resolve()))}']
    if args.camera:
        values += ['camera.source=v4l2', f'camera.device={json.dumps(str(args.camera))}']
    values += [f'web.{name}={value}' for name, value in (('host', args.host), ('port', args.port)) if value is not None]
    return values


def _assigned(args: argparse.Namespace) -> list[str]:
    return [*(WITHIN_THE_FRAME if args.video else ()), *args.assignments]


def launch_command(args: argparse.Namespace) -> list[str]:
    """Return the equivalent ``ros2 launch`` command line for a ROS distribution."""
    given = {
        'namespace': args.namespace,
        'params_file': ':'.join(str(path.resolve() if path.exists() else path) for path in args.params),
        'set': shlex.join(_assigned(args)),
        'camera': args.camera,
        'video_file': args.video and args.video.resolve(),
        'only': args.only,
        'peers': args.peers,
        'discovery_server': args.discovery_server,
        'host': args.host,
        'port': args.port,
        'log_level': args.log_level,
    }
    return [
        'ros2', 'launch', 'turret_bringup', 'turret.launch.py',
        *(f'{name}:={value}' for name, value in given.items() if value)]


def panel_announcer(supervisor: Supervisor, namespace: str, web: WebParameters) -> Callable[[], float | None]:
    """Return a function for :meth:`Supervisor.run` that prints the address of the panel once it is reachable."""
    deadline = time.monotonic() + _REACHABLE_S
    tls = bool(web.tls_certificate)

    def announce() -> float | None:
        if panel_address.is_reachable(web.host, web.port):
            lines = panel_address.addresses(web.host, web.port, os.environ, tls)
            lines += panel_address.sign_in(namespace, web, sys.stdout.isatty())
            for line in lines:
                supervisor.write(line)
        elif time.monotonic() > deadline:
            supervisor.write(f'no panel at {web.host} port {web.port} after {_REACHABLE_S:g} s; run ./turret doctor')
        else:
            return _POLL_S
        return None
    return announce


def _detach(args: argparse.Namespace) -> int:
    """Start the same command in the background; return when it is up or has exited.

    It is up when the panel is reachable, or where it has none, when its groups are started.
    """
    from turret_bringup.run import assignment
    from turret_bringup.settings import configuration

    groups = groups_named(args.only)
    instance.require_none(args.namespace, groups)
    config = configuration.compose(
        args.namespace, args.params, assignments(args), groups=groups,
        panel_port=assignment.panel_port(args.namespace))
    web, panel = config.effective['web'], config.starts('web')
    if panel:
        panel_address.require_free(web.host, web.port)

    def is_up() -> bool:
        if panel:
            return panel_address.is_reachable(web.host, web.port)
        return set(groups) <= set(instance.running(args.namespace))
    log = _rotated(state_dir(args.namespace) / 'turret.log')
    command = [sys.executable, '-m', 'turret_bringup.cli', *(word for word in sys.argv[1:] if word != '--detach')]
    with log.open('w') as output:
        supervisor = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + _REACHABLE_S
    while supervisor.poll() is None:
        reached = is_up()
        if reached or time.monotonic() > deadline:
            tls = bool(web.tls_certificate)
            lines = [] if not panel else [
                *panel_address.addresses(web.host, web.port, os.environ, tls),
                *panel_address.sign_in(args.namespace, web, sys.stdout.isatty()),
            ] if reached else [
                f'no panel at {web.host} port {web.port} after {_REACHABLE_S:g} s; run ./turret doctor']
            sys.stdout.write('\n'.join([
                *_domain_notes(log), *config.notes, configuration.announcement(config), *lines, f'log: {log}',
                f'stop it with: ./turret down --namespace {args.namespace}', '']))
            return 0 if reached else 1
        time.sleep(_POLL_S)
    sys.stderr.write(log.read_text())
    return supervisor.returncode


def _domain_notes(log: Path) -> list[str]:
    """Return what the turret printed about its ROS domain."""
    return re.findall('ROS_DOMAIN_ID .*', log.read_text(errors='replace'))


def _rotated(log: Path) -> Path:
    """Return the path of a log after the older logs have been renamed to .1, .2 and so on."""
    for number in range(_OLD_LOGS, 0, -1):
        older = log.with_name(f'{log.name}.{number}')
        newer = log.with_name(f'{log.name}.{number - 1}') if number > 1 else log
        if newer.exists():
            newer.replace(older)
    return log
