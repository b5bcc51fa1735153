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
    """One turret of the list; ``groups`` are those that run on this host."""

    name: str
    groups: str
    process: str
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
            turret.name.ljust(16), turret.groups, turret.process, turret.url, turret.state))) + '\n')
    if not found:
        sys.stdout.write('no turret is running on this host, and fleet.yaml lists none\n')
    return 0


async def _turrets() -> list[Listed]:
    from turret_bringup.run import instance
    from turret_bringup.settings.graph import GROUPS
    from turret_web.access.access import load_tokens, tokens_path
    from turret_web.fleet.fleet_file import FleetEntry, default_path, load_fleet
    from turret_web.fleet.panel_addresses import panel_addresses

    urls = panel_addresses()
    local = []
    for namespace in instance.namespaces():
        running = instance.running(namespace)
        if not running:
            continue
        groups = 'all groups' if len(running) == len(GROUPS) else ', '.join(group.name for group in running)
        pids = sorted({found.pid for found in running.values()})
        token = load_tokens(tokens_path(namespace)).viewer if tokens_path(namespace).exists() else ''
        url = urls.get(namespace, '')
        local.append((Listed(namespace, groups, f'process {", ".join(map(str, pids))}', url, ''), token))
    remote = [(Listed(entry.name, '', '', entry.url, ''), entry) for entry in load_fleet(default_path())]
    states = await asyncio.gather(
        *(_state(FleetEntry(turret.name, turret.url, token)) for turret, token in local),
        *(_state(entry) for _, entry in remote))
    return [turret._replace(state=state)
            for turret, state in zip([turret for turret, _ in (*local, *remote)], states, strict=True)]


async def _state(entry: Any) -> str:
    """Return the state of a turret in words; why it is not known where it does not answer."""
    from turret_bringup.client.ros_status import summary
    from turret_web.fleet.members import HttpMember, reported

    if not entry.url:
        return ''
    member = HttpMember(entry, _ANSWER_S)
    try:
        status, problem = await reported(member.status())
    finally:
        await member.close()
    return problem or summary(status)
