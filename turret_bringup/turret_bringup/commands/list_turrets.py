# SPDX-License-Identifier: Apache-2.0
"""List the turrets of this host that run, and those of fleet.yaml, with their state.

fleet.yaml is beside the state folders of the turrets; docs/several.md describes it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any, NamedTuple

_ANSWER_S = 10.0


class Listed(NamedTuple):
    """One turret of the list; ``groups`` are those that run on this host, ``domain`` is its ROS domain there."""

    name: str
    groups: str
    process: str
    domain: str
    url: str
    state: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument('--json', action='store_true', help='print a list of objects as JSON')


def run(args: argparse.Namespace) -> int:
    """Print one line for each turret."""
    found = asyncio.run(_turrets())
    if args.json:
        sys.stdout.write(json.dumps([turret._asdict() for turret in found]) + '\n')
        return 0
    for turret in found:
        sys.stdout.write('  '.join(filter(None, (
            turret.name.ljust(16), turret.groups, turret.process, turret.domain and f'ROS_DOMAIN_ID {turret.domain}',
            turret.url, turret.state))) + '\n')
    if not found:
        sys.stdout.write('no turret is running on this host, and fleet.yaml lists none\n')
    return 0


async def _turrets() -> list[Listed]:
    from turret_bringup.run import instance
    from turret_bringup.settings.environment import turret_domain
    from turret_bringup.settings.graph import GROUPS
    from turret_web.fleet.fleet_file import default_path, load_fleet
    from turret_web.fleet.panel_addresses import panels

    found, entries = panels(), []
    for namespace in instance.namespaces():
        running = instance.running(namespace)
        if not running:
            continue
        groups = 'all groups' if len(running) == len(GROUPS) else ', '.join(group.name for group in running)
        pids = sorted({process.pid for process in running.values()})
        panel = found.get(namespace)
        entries.append((Listed(
            namespace, groups, f'process {", ".join(map(str, pids))}', str(turret_domain(namespace, {})),
            panel.url if panel else '', ''), panel))
    entries += [(Listed(entry.name, '', '', '', entry.url, ''), entry) for entry in load_fleet(default_path())]
    states = await asyncio.gather(*(_state(entry) for _, entry in entries))
    return [turret._replace(state=state) for (turret, _), state in zip(entries, states, strict=True)]


async def _state(entry: Any) -> str:
    """Return the state of a turret in words; why it is not known where it does not answer."""
    from turret_bringup.client.ros_status import summary
    from turret_web.fleet.members import HttpMember, reported

    if entry is None:
        return ''
    member = HttpMember(entry, _ANSWER_S)
    try:
        status, problem = await reported(member.status())
    finally:
        await member.close()
    return problem or summary(status)
