# SPDX-License-Identifier: Apache-2.0
"""Play a bag back in an isolated ROS domain, where no hardware can be reached.

The panel shows the replay and can pause, step and seek. Other tools join the ROS domain that is printed at the start:
ROS_DOMAIN_ID=101 ./turret status. The replay can also be controlled from there:

  ROS_DOMAIN_ID=101 ./turret call replay/set_paused '{"paused": true}'
  ROS_DOMAIN_ID=101 ./turret call replay/seek '{"position_s": 12.5}'

With --into, vision or control runs again on the recording, with the recorded parameters; the recorded messages are then
published under "recorded/" for comparison.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turret_bringup.commands.options import add_bag, add_end, bag_path
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

if TYPE_CHECKING:
    from turret_bringup.replay.options import ReplayOptions

_PORTS = range(8000, 8100)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_bag(parser)
    parser.add_argument(
        '--rate', type=float, default=1.0,
        help='playback rate, in recorded seconds per second (default: %(default)g)')
    parser.add_argument('--loop', action='store_true', help='start again at the end')
    parser.add_argument('--hold', action='store_true', help='stay at the end instead of exiting')
    parser.add_argument('--paused', action='store_true', help='pause at the start')
    parser.add_argument(
        '--start', type=float, default=0.0, metavar='S', help='start time in the bag (default: its beginning)')
    add_end(parser)
    parser.add_argument(
        '--skip-gaps', type=float, default=0.0, metavar='S',
        help='skip times without messages that are longer than this (default: do not skip)')
    parser.add_argument(
        '--topics', nargs='+', default=[], metavar='PATTERN', help='only these, for example "vision/*" status')
    parser.add_argument(
        '--remap', nargs='+', default=[], metavar='/FROM:=/TO', help='play topics under other names')
    parser.add_argument(
        '--clock', type=float, default=200.0, metavar='HZ',
        help='maximum rate of /clock, the recorded time; 0 = none (default: %(default)g)')
    parser.add_argument(
        '--into', action='append', default=[], choices=('vision', 'control'),
        help='run this again on the recording (repeatable)')
    parser.add_argument(
        '--set', action='append', default=[], metavar='NODE.NAME=VALUE', dest='assignments',
        help='single parameter of a node that runs again, or of web (repeatable)')
    parser.add_argument('--domain', type=int, metavar='N', help='ROS domain to use (default: a free one)')
    parser.add_argument('--port', type=int, help='port of the panel (default: the first free one from 8000 on)')
    parser.add_argument('--no-panel', action='store_false', dest='panel', help='do not start a panel')
    parser.add_argument(
        '--log-level', choices=('debug', 'info', 'warn', 'error', 'fatal'), default='info',
        help='minimum severity shown (default: %(default)s)')
    parser.add_argument(
        '--parent', type=int, metavar='PID', help='end with this process, the one that starts the command')


def run(args: argparse.Namespace) -> int:
    """Replay until the end of the bag, or until stopped."""
    from turret_bringup.commands.up import panel_announcer
    from turret_bringup.replay import graph, guard
    from turret_bringup.run import panel_address, processes, shared_memory
    from turret_bringup.run.supervisor import Supervisor
    from turret_common.ros.domains import is_in_use

    if args.parent is not None:
        _end_with(args.parent)
    args.bag = bag_path(args)
    options = options_of(args)
    namespace, recorded, name = examine(options)
    domain = guard.choose_domain(options.domain, os.environ, is_in_use)
    if 'ROS_DISTRO' in os.environ:
        os.execvp('ros2', ['ros2', 'launch', 'turret_bringup', 'replay.launch.py', *options.launch_arguments(domain)])
    with tempfile.TemporaryDirectory(prefix='turret-replay-') as state:
        environment = guard.isolated(os.environ, domain, state)
        os.environ.clear()
        os.environ.update(environment)
        config = graph.compose(namespace, options.player(domain), recorded, web_assignments(options), options.panel)
        files = config.write(Path(state) / 'parameters')
        supervisor = Supervisor(
            processes.commands(config, files, options.log_level, sys.stdout.isatty(), environment),
            preload=processes.PRELOADED, clean_up=shared_memory.Leftovers().clear)
        supervisor.write(announcement(name, domain))
        if options.panel:
            web = config.effective['web']
            panel_address.require_free(web.host, web.port)
            code = supervisor.run(panel_announcer(supervisor, namespace, web))
        else:
            code = supervisor.run()
    if supervisor.refusal is not None:
        sys.stderr.write(f'turret: {supervisor.refusal}\n')
    return code


def _end_with(parent: int) -> None:
    from turret_common.host.parent import end_with_parent

    end_with_parent()
    if os.getppid() != parent:
        raise TurretError(ReasonCode.NOT_ALLOWED, f'process {parent} did not start this command, or has ended')


def options_of(args: argparse.Namespace) -> ReplayOptions:
    """Return the options that the command line describes."""
    from turret_bringup.replay.options import ReplayOptions

    end = args.start + args.duration if args.duration else args.end
    given: dict[str, Any] = {**vars(args), 'bag': Path(args.bag), 'end': end}
    values: dict[str, Any] = {
        field.name: tuple(value) if isinstance(value := given[field.name], list) else value
        for field in dataclasses.fields(ReplayOptions)}
    return ReplayOptions(**values)


def announcement(name: str, domain: int) -> str:
    """Return the line that announces the bag and the ROS domain."""
    return (f'REPLAY of {name} in ROS domain {domain}: no hardware can be reached; other tools see it with '
            f'ROS_DOMAIN_ID={domain}')


def web_assignments(options: ReplayOptions) -> list[str]:
    """Return the single parameters of the options, the port of the panel among them."""
    if not options.panel:
        return list(options.assignments)
    from turret_bringup.run import panel_address

    port = panel_address.first_free('127.0.0.1', _PORTS) if options.port is None else options.port
    return [*options.assignments, f'web.port={port}']


def examine(options: ReplayOptions) -> tuple[str, dict[str, dict[str, Any]], str]:
    """Check the bag of a replay; return the namespace, the usable recorded parameters and the name of the bag.

    Raises:
        TurretError: the bag cannot be replayed like this.
    """
    from turret_bringup.bags.messages import namespace_of
    from turret_bringup.bags.metadata import BagError
    from turret_bringup.bags.reader import Bag
    from turret_bringup.replay import guard, settings

    with Bag(options.bag) as bag:
        if not bag.messages_total:
            raise BagError(ReasonCode.NOT_FOUND, f'{bag.path} has no messages')
        if not 0.0 <= options.start <= bag.duration_s:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE,
                f'--start {options.start:g} is not within the {bag.duration_s:.1f} s of the bag')
        try:
            namespace: str | None = namespace_of(bag)
        except BagError:
            if options.into:
                raise
            namespace = None
        guard.plan(
            {name: topic.type for name, topic in bag.topics.items()}, namespace=namespace, wanted=options.topics,
            remaps=options.remap, into=options.nodes)
        recorded, notes = settings.usable(
            settings.recorded_parameters(bag, namespace) if namespace is not None and options.into else {})
        for note in notes:
            sys.stderr.write(f'turret: {note}\n')
        return (namespace or '').strip('/'), recorded, bag.path.name
