"""Files: the built panel, the page to sign in, the media library."""

from __future__ import annotations

import asyncio
import logging
import time
from importlib import resources
from pathlib import Path

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import SESSION_S, Access
from turret_web.routes.routes import redirect

audit = logging.getLogger('turret_web.audit')

#: Pause after a wrong token [s].
_WRONG_TOKEN_S = 1.0


class FileRoutes:
    """The pages of the front door."""

    def __init__(self, access: Access, panel: Path, media: Path, secure: bool) -> None:
        """Make it.

        Args:
            access: who may come in.
            panel: folder of the built panel.
            media: folder of stills and videos.
            secure: whether all this goes over TLS.
        """
        self._access = access
        self._panel = panel
        self._media = media
        self._secure = secure
        self._pages = Path(str(resources.files('turret_web'))) / 'pages'

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses; the last one takes every other name."""
        return [
            web.get('/sign-in', self._sign_in_page),
            web.post('/sign-in', self._sign_in),
            web.post('/sign-out', self._sign_out),
            web.get('/sign-in.css', self._sign_in_style),
            web.get('/media/{name}', self._medium),
            web.get('/media/thumbnails/{name}', self._thumbnail),
            web.get('/{path:.+}', self.panel_file),
        ]

    async def _sign_in_page(self, request: web.Request) -> web.StreamResponse:
        if 'token' in request.query:
            return await self._new_session(request, request.query['token'])
        return web.FileResponse(self._pages / 'sign_in.html')

    async def _sign_in_style(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._pages / 'sign_in.css')

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        return await self._new_session(request, str((await request.post()).get('token', '')).strip())

    async def _new_session(self, request: web.Request, token: str) -> web.StreamResponse:
        try:
            role, session = self._access.new_session(token, time.time())
        except TurretError:
            audit.warning('wrong token from %s', request.remote)
            await asyncio.sleep(_WRONG_TOKEN_S)
            raise
        audit.info('%s signs in as %s', request.remote, role.value)
        response = redirect('/')
        response.set_cookie(
            self._access.cookie_name, session, max_age=int(SESSION_S), httponly=True, samesite='Strict',
            secure=self._secure)
        return response

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        response = redirect('/sign-in')
        response.del_cookie(self._access.cookie_name)
        return response

    async def _medium(self, request: web.Request) -> web.StreamResponse:
        path = _inside(self._media, request.match_info['name'])
        return web.FileResponse(path, headers={
            'Content-Disposition': f'attachment; filename="{path.name}"', 'Cache-Control': 'private, no-cache'})

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        path = _inside(self._media / '.thumbnails', f'{request.match_info["name"]}.jpg')
        return web.FileResponse(path, headers={'Cache-Control': 'private, no-cache'})

    async def panel_file(self, request: web.Request) -> web.StreamResponse:
        """Give out a file of the panel, its page for the bare address."""
        name = request.match_info.get('path', '')
        if not name and not (self._panel / 'index.html').is_file():
            raise TurretError(ReasonCode.NOT_FOUND, 'the panel is not built yet: ./turret setup builds it')
        path = _inside(self._panel, name or 'index.html')
        immutable = path.parent.name == 'assets'  # their names hold a hash of their content
        return web.FileResponse(path, headers={
            'Cache-Control': 'public, max-age=31536000, immutable' if immutable else 'no-cache'})


def _inside(folder: Path, name: str) -> Path:
    """Return a file inside a folder; what leads out of it does not exist."""
    path = (folder / name.replace('\0', '/')).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no file {name}')
    return path
