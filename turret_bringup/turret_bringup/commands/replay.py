"""Replay a bag in a ROS domain of its own, where it can reach no hardware.

The panel shows it and can hold it, step and seek. To look at it with other tools, let them join the domain that is
printed at the start: ROS_DOMAIN_ID=101 ./turret status. From there it can also be steered:

  ROS_DOMAIN_ID=101 ./turret call replay/set_paused '{"paused": true}'
  ROS_DOMAIN_ID=101 ./turret call replay/seek '{"position_s": 12.5}'

With --into, vision or control runs again on what was recorded, with the recorded parameters; what was recorded of it is
then under "recorded/", to compare.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from turret_bringup.commands.options import add_bag, bag_path
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

_PORTS = range(8000, 8100)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_bag(parser)
    parser.add_argument('--rate', type=float, default=1.0, help='recorded seconds per second (default: %(default)g)')
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument('--hold', action='store_true', help='stay at the end instead of ending')
    parser.add_argument('--paused', action='store_true', help='wait at the start')
    parser.add_argument('--start', type=float, default=0.0, metavar='S', help='begin so many seconds into the bag')
    parser.add_argument(
        '--topics', nargs='+', default=[], metavar='PATTERN', help='only these, for example "vision/*" status')
    parser.add_argument(
        '--remap', nargs='+', default=[], metavar='/FROM:=/TO', help='play topics under other names')
    parser.add_argument(
        '--clock', type=float, default=200.0, metavar='HZ',
        help='largest rate of /clock, the recorded time; 0 = none (default: %(default)g)')
    parser.add_argument(
        '--into', action='append', default=[], choices=('vision', 'control'),
        help='run this again on what was recorded; may be given twice')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='one parameter of a node that runs again, or of web; may be repeated')
    parser.add_argument('--domain', type=int, metavar='N', help='ROS domain to use (default: one that is free)')
    parser.add_argument('--port', type=int, help='port of the panel (default: the first free one from 8000 on)')
    parser.add_argument('--no-panel', action='store_true', help='without a panel')
    parser.add_argument(
        '--log-level', choices=('debug', 'info', 'warn', 'error', 'fatal'), default='info',
        help='least severity shown (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Replay until the end of the bag, or until told to end."""
    from turret_bringup.commands.up import panel_announcer
    from turret_bringup.replay import graph, guard
    from turret_bringup.run import panel_address, processes, shared_memory
    from turret_bringup.run.supervisor import Supervisor
    from turret_common.ros.domains import is_in_use

    args.bag = bag_path(args)
    namespace, recorded, name = look_into(args)
    domain = guard.choose_domain(args.domain, os.environ, is_in_use)
    if 'ROS_DISTRO' in os.environ:
        os.execvp('ros2', launch_command(args, domain))
    with tempfile.TemporaryDirectory(prefix='turret-replay-') as state:
        environment = guard.isolated(os.environ, domain, state)
        os.environ.clear()
        os.environ.update(environment)
        config = graph.compose(
            namespace, player_parameters(args, domain), recorded, web_assignments(args), panel=not args.no_panel)
        files = config.write(Path(state) / 'parameters')
        supervisor = Supervisor(
            processes.commands(config, files, args.log_level, sys.stdout.isatty(), environment),
            preload=processes.PRELOADED, clean_up=shared_memory.clear_orphans)
        supervisor.say(announcement(name, domain))
        if args.no_panel:
            code = supervisor.run()
        else:
            web = config.effective['web']
            panel_address.require_free(web.host, web.port)
            code = supervisor.run(panel_announcer(supervisor, web.host, web.port))
    if supervisor.refusal is not None:
        sys.stderr.write(f'turret: {supervisor.refusal}\n')
    return code


def announcement(name: str, domain: int) -> str:
    """Return the line that says what is replayed where."""
    return (f'REPLAY of {name} in ROS domain {domain}: no hardware is reached; other tools see it with '
            f'ROS_DOMAIN_ID={domain}')


def web_assignments(args: argparse.Namespace) -> list[str]:
    """Return the single parameters of the command line, the panel's port among them."""
    if args.no_panel:
        return list(args.assignments)
    return [*args.assignments, f'web.port={_free_port() if args.port is None else args.port}']


def player_parameters(args: argparse.Namespace, domain: int) -> dict[str, Any]:
    """Return the parameters of the node ``replay``."""
    from turret_bringup.replay.graph import INTO

    return {
        'bag': str(args.bag.resolve()), 'domain': domain, 'rate': args.rate, 'loop': args.loop, 'hold': args.hold,
        'paused': args.paused, 'start_s': args.start, 'topics': args.topics, 'remap': args.remap,
        'clock_hz': args.clock, 'into': sorted({INTO[name] for name in args.into})}


def launch_command(args: argparse.Namespace, domain: int) -> list[str]:
    """Return the ``ros2 launch`` command line that does the same on a ROS distribution."""
    given: dict[str, Any] = {
        'bag': Path(args.bag).resolve(), 'domain': domain, 'rate': args.rate, 'loop': args.loop, 'hold': args.hold,
        'paused': args.paused, 'start': args.start, 'topics': shlex.join(args.topics),
        'remap': shlex.join(args.remap), 'clock': args.clock, 'into': ' '.join(args.into),
        'set': shlex.join(args.assignments), 'port': args.port or '', 'panel': not args.no_panel,
        'log_level': args.log_level}
    return [
        'ros2', 'launch', 'turret_bringup', 'replay.launch.py',
        *(f'{name}:={str(value).lower() if isinstance(value, bool) else value}' for name, value in given.items()
          if value != '')]


def look_into(args: argparse.Namespace) -> tuple[str, dict[str, dict[str, Any]], str]:
    """Return namespace, usable parameters and name of what was recorded, or say what is wrong with it."""
    from turret_bringup.bags.metadata import BagError
    from turret_bringup.bags.reader import Bag
    from turret_bringup.bags.ros_messages import namespace_of, recorded_parameters
    from turret_bringup.replay import guard, settings
    from turret_bringup.replay.graph import INTO

    with Bag(args.bag) as bag:
        if not bag.messages_total:
            raise BagError(ReasonCode.NOT_FOUND, f'{bag.path} holds no message to play')
        if not 0.0 <= args.start <= bag.duration_s:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'--start {args.start:g} is not within the {bag.duration_s:.1f} s of the bag')
        try:
            namespace: str | None = namespace_of(bag)
        except BagError:
            if args.into:
                raise
            namespace = None
        guard.plan(
            {name: topic.type for name, topic in bag.topics.items()}, namespace=namespace, wanted=args.topics,
            remaps=args.remap, into=[INTO[name] for name in args.into])
        recorded, notes = settings.usable(
            recorded_parameters(bag, namespace) if namespace and args.into else {})
        for note in notes:
            sys.stderr.write(f'turret: {note}\n')
        return (namespace or '').strip('/'), recorded, bag.path.name


def _free_port() -> int:
    from turret_bringup.run import panel_address

    for port in _PORTS:
        try:
            panel_address.require_free('127.0.0.1', port)
            return port
        except TurretError:
            continue
    raise TurretError(ReasonCode.BUSY, f'no port between {_PORTS[0]} and {_PORTS[-1]} is free; choose with --port')
