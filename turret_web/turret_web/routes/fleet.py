# SPDX-License-Identifier: Apache-2.0
"""``/api/fleet``: all turrets that this gateway knows, their thumbnails, and one stop for all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.fleet.fleet_file import FleetEntry, load_fleet
from turret_web.fleet.members import STATUS_TYPE, DomainMember, HttpMember, Member, reported, summary
from turret_web.fleet.panel_addresses import panels
from turret_web.gateway.gateway import Gateway
from turret_web.routes.routes import caller_of, json_response

audit = logging.getLogger('turret_web.audit')

_STATUS_SUFFIX = '/status'
#: Time for which a turret of the domain that has disappeared is still shown, as one that does not answer [s].
_REMEMBERED_S = 60.0


class FleetRoutes:
    """Routes of the fleet.

    Turrets of the ROS domain are reached over ROS, others over HTTP: those of this user on this host, and those of the
    file. The id of a turret is its namespace with a slash at its beginning, or its name in the file.
    """

    def __init__(self, gateway: Gateway, file: Path) -> None:
        """Prepare; the file is read at each request, so that it can be changed while the gateway runs."""
        self._gateway = gateway
        self._file = file
        self._domain: dict[str, DomainMember] = {}
        self._seen: dict[str, float] = {}
        self._remote: dict[FleetEntry, HttpMember] = {}
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get('/api/fleet', self._list),
            web.get('/api/fleet/snapshot', self._snapshot),
            web.post('/api/fleet/stop', self._stop),
        ]

    async def close(self) -> None:
        """Free all members."""
        members: list[Member] = [*self._domain.values(), *self._remote.values()]
        for member in members:
            await member.close()

    async def _list(self, request: web.Request) -> web.StreamResponse:
        members, problem = await self._members()
        answers = await asyncio.gather(*(reported(member.status()) for member in members.values()))
        return json_response({'problem': problem, 'turrets': [
            {'id': name, 'own': name == self._gateway.namespace, 'url': member.url, 'problem': why,
             'state': None if status is None else summary(status)}
            for (name, member), (status, why) in zip(members.items(), answers, strict=True)]})

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        members, _ = await self._members()
        name = request.query.get('id', '')
        if name not in members:
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no turret "{name:.60}"')
        return web.Response(
            body=await members[name].image(), content_type='image/jpeg', headers={'Cache-Control': 'no-store'})

    async def _stop(self, request: web.Request) -> web.StreamResponse:
        members, problem = await self._members()
        audit.info('%s stops all turrets', caller_of(request))
        answers = await asyncio.gather(*(reported(member.stop('fleet')) for member in members.values()))
        results = [{'id': name, 'success': not why, 'message': why}
                   for name, (_, why) in zip(members, answers, strict=True)]
        failed = [result['id'] for result in results if not result['success']]
        message = f'not confirmed by {", ".join(map(str, failed))}' if failed else problem
        return json_response({
            'success': not failed and not problem, 'code': int(ReasonCode.NOT_READY if failed else ReasonCode.OK),
            'message': message, 'turrets': results})

    async def _members(self) -> tuple[dict[str, Member], str]:
        """Return the turrets by id, and why ``fleet.yaml`` cannot be used."""
        async with self._lock:
            return await self._review()

    async def _review(self) -> tuple[dict[str, Member], str]:
        problem, entries = '', []
        try:
            entries = load_fleet(self._file)
        except TurretError as error:
            problem = error.message
            entries = [entry for entry in self._remote if not entry.name.startswith('/')]
        local = panels()
        present = await self._review_domain({name: panel.url for name, panel in local.items()})
        entries = [panel for panel in local.values() if panel.name not in present] + entries
        for entry in set(self._remote) - set(entries):
            await self._remote.pop(entry).close()
        for entry in entries:
            self._remote.setdefault(entry, HttpMember(entry))
        members: dict[str, Member] = {name: self._domain[name] for name in sorted(self._domain)}
        members |= {entry.name: self._remote[entry] for entry in entries}
        return members, problem

    async def _review_domain(self, urls: Mapping[str, str]) -> set[str]:
        """Return the namespaces of the domain that are there now."""
        now = time.monotonic()
        found = {name.removesuffix(_STATUS_SUFFIX) for name, types in self._gateway.topics().items()
                 if name.endswith(_STATUS_SUFFIX) and STATUS_TYPE in types}
        found = found - {''} | {self._gateway.namespace}
        for namespace in found:
            self._seen[namespace] = now
            member = self._domain.setdefault(namespace, DomainMember(self._gateway, namespace))
            member.url = urls.get(namespace.strip('/'), '')
        for namespace, seen in list(self._seen.items()):
            if now - seen > _REMEMBERED_S:
                del self._seen[namespace]
                await self._domain.pop(namespace).close()
        return found
