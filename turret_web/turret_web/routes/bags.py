# SPDX-License-Identifier: Apache-2.0
"""Bags as downloads: a bag is a folder, so it is sent as a tar archive, which is made while it is sent."""

from __future__ import annotations

import asyncio
import tarfile
from pathlib import Path

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.open_grants import OpenGrants
from turret_web.access.policy import Role
from turret_web.routes.files import plain
from turret_web.routes.routes import current_role, disconnect_if_stalled, granted

_CHUNK_BYTES = 256 * 1024
_END = bytes(2 * tarfile.BLOCKSIZE)


class BagRoutes:
    """Route of the bags that are on this machine."""

    def __init__(self, folder: Path, stall_s: float, grants: OpenGrants) -> None:
        """Create the route.

        Args:
            folder: that of the bags.
            stall_s: a client that reads nothing for so long is disconnected.
            grants: closes downloads whose permission has ended.
        """
        self._folder = folder
        self._stall_s = stall_s
        self._grants = grants

    def routes(self) -> list[web.RouteDef]:
        """Return the address."""
        return [web.get('/bags/{name}', self._bag)]

    async def _bag(self, request: web.Request) -> web.StreamResponse:
        """Send a bag. It may hold topics that viewers may not see (NOT_ALLOWED)."""
        if current_role() is not Role.OPERATOR:
            raise TurretError(ReasonCode.NOT_ALLOWED, 'only an operator may download a bag')
        name = plain(request.match_info['name'])
        folder = self._folder / name
        if folder.is_symlink() or not folder.is_dir():
            raise TurretError(ReasonCode.NOT_FOUND, f'there is no bag {name:.100} on the machine of the web gateway')
        files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()]
        heads = [_head(name, path) for path in files]
        response = web.StreamResponse(headers={
            'Content-Type': 'application/x-tar', 'Cache-Control': 'no-store',
            'Content-Disposition': f'attachment; filename="{name}.tar"'})
        response.content_length = sum(len(head) + size + _padding(size) for head, size in heads) + len(_END)
        await response.prepare(request)
        transport = request.transport
        with self._grants.hold(granted(), transport.abort if transport is not None else lambda: None):
            for path, (head, size) in zip(files, heads, strict=True):
                await self._write(request, response, head)
                await self._send(request, response, path, size)
                await self._write(request, response, bytes(_padding(size)))
            await self._write(request, response, _END)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, path: Path, size: int) -> None:
        with path.open('rb') as file:
            while size:
                chunk = await asyncio.to_thread(file.read, min(size, _CHUNK_BYTES))
                if not chunk:
                    raise TurretError(ReasonCode.IO_ERROR, f'{path.name} became shorter')
                size -= len(chunk)
                await self._write(request, response, chunk)

    async def _write(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        with disconnect_if_stalled(request, self._stall_s):
            await response.write(data)


def _head(bag: str, path: Path) -> tuple[bytes, int]:
    """Return the head of a file in the archive, and its size now; a bag that is being recorded still grows."""
    info = tarfile.TarInfo(f'{bag}/{path.name}')
    stat = path.stat()
    info.size, info.mtime = stat.st_size, int(stat.st_mtime)
    return info.tobuf(tarfile.PAX_FORMAT), stat.st_size


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE
