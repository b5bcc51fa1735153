# SPDX-License-Identifier: Apache-2.0
"""Files: the built panel, the sign-in page, the media library."""

from __future__ import annotations

import html
import logging
import os
import re
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import SESSION_S, Access, WrongTokenError
from turret_web.access.open_grants import OpenGrants
from turret_web.access.wrong_tokens import WrongTokens
from turret_web.routes.routes import address_of, current_grant, granted, read_body, redirect

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

audit = logging.getLogger('turret_web.audit')

_FORM_BYTES = 4096
#: Maximum length of the name of a file [bytes].
_MAX_NAME = 255
_PART = re.compile(r'bytes=(\d{0,18})-(\d{0,18})', re.ASCII)
#: Encodings that files of the panel may have.
_ENCODINGS = ('br', 'gzip')
_REFUSED = re.compile(r';q=0(?:\.0*)?$', re.ASCII)
_WRONG_TOKEN = 'This token is wrong. ./turret token show prints the tokens.'


class FileRoutes:
    """Routes of files and of signing in and out."""

    def __init__(
            self, access: Access, grants: OpenGrants, wrong_tokens: WrongTokens, panel: Path, media: Path,
            secure: bool) -> None:
        """Create the routes.

        Args:
            access: checks tokens.
            grants: closes the connections of a session that signs out.
            wrong_tokens: slows down clients with wrong tokens.
            panel: folder of the built panel.
            media: folder of the media library.
            secure: whether connections are encrypted.
        """
        self._access = access
        self._grants = grants
        self._wrong_tokens = wrong_tokens
        self._panel = panel
        self._media = media
        self._secure = secure
        self._pages = Path(str(resources.files('turret_web'))) / 'pages'

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses; the last one matches every other name."""
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
        return self._form()

    def _form(self, message: str = '', status: int = 200) -> web.Response:
        """Return the sign-in page, with a message above the form."""
        page = (self._pages / 'sign_in.html').read_text()
        return web.Response(
            text=page.replace('<!-- message -->', html.escape(message)), status=status, content_type='text/html',
            headers={'Cache-Control': 'no-store'})

    async def _sign_in_style(self, request: web.Request) -> web.StreamResponse:
        return self._send(request, self._pages / 'sign_in.css')

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        form = parse_qs((await read_body(request, _FORM_BYTES)).decode('utf-8', 'replace'))
        return await self._new_session(request, form.get('token', [''])[0].strip())

    async def _new_session(self, request: web.Request, token: str) -> web.StreamResponse:
        try:
            role, session = self._access.new_session(token, time.time())
        except WrongTokenError:
            await self._wrong_tokens.delay(address_of(request))
            return self._form(_WRONG_TOKEN, status=401)
        audit.info('%s signs in as %s', request.remote, role.value)
        response = redirect('/')
        response.set_cookie(
            self._access.cookie_name, session, max_age=int(SESSION_S), httponly=True, samesite='Lax',
            secure=self._secure)
        return response

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        """End the session: its cookie becomes invalid and its open connections are closed."""
        self._access.end_session(granted(), time.time())
        self._grants.check()
        response = redirect('/sign-in')
        response.del_cookie(self._access.cookie_name)
        return response

    def _send(self, request: web.Request, path: Path, headers: Mapping[str, str] = MappingProxyType({})) -> _File:
        """Return a file, or the part of it that is requested.

        Raises:
            HTTPPreconditionFailed: the file is not the expected one.
            HTTPRequestRangeNotSatisfiable: the part lies beyond the end.
        """
        stat = path.stat()
        _check_conditions(request, stat)
        kind = _FilePart if _asks_for_part(request, stat) else _File
        return kind(path, headers, self._grants)

    async def _medium(self, request: web.Request) -> web.StreamResponse:
        path = _inside(self._media, plain(request.match_info['name']))
        return self._send(request, path, {
            'Content-Disposition': f'attachment; filename="{path.name}"', 'Cache-Control': 'private, no-cache'})

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        path = _inside(self._media / '.thumbnails', f'{plain(request.match_info["name"])}.jpg')
        return self._send(request, path, {'Cache-Control': 'private, no-cache'})

    async def panel_file(self, request: web.Request) -> web.StreamResponse:
        """Send a file of the panel; its page for the bare address."""
        name = request.match_info.get('path', '')
        if not name and not (self._panel / 'index.html').is_file():
            raise TurretError(ReasonCode.NOT_FOUND, 'the panel is not built yet: ./turret setup builds it')
        path = _inside(self._panel, name or 'index.html')
        immutable = path.parent.name == 'assets'  # their names contain a hash of their content
        return self._send(request, path, {
            'Cache-Control': 'public, max-age=31536000, immutable' if immutable else 'no-cache'})


class _File(web.FileResponse):
    """A file, compressed if the client accepts that; aiohttp looks for the name of an encoding anywhere in the header.

    Attributes:
        whole: whether all of it is sent, whatever the request says; a part is sent uncompressed.
    """

    whole = True

    def __init__(self, path: Path, headers: Mapping[str, str], grants: OpenGrants) -> None:
        """Prepare to send it; ``grants`` cuts the transfer off when the permission of the client ends."""
        super().__init__(path, headers=headers)
        self._grants = grants

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the file."""
        grant, transport = current_grant.get(), request.transport
        if grant is None or transport is None:  # a page that needs no session
            return await self._send(request)
        with self._grants.hold(grant, transport.abort):
            return await self._send(request)

    async def _send(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = request.headers.copy()
        accepted = ','.join(headers.popall('Accept-Encoding', []))
        if self.whole:
            headers.popall('Range', None)
            headers['Accept-Encoding'] = _accepted_encodings(accepted)
        return await super().prepare(request.clone(headers=headers))


class _FilePart(_File):
    """The requested part of a file as it is."""

    whole = False


def _accepted_encodings(header: str) -> str:
    """Return those of :data:`_ENCODINGS` that an Accept-Encoding header names with another weight than 0."""
    elements = [''.join(element.split()).lower() for element in header.split(',')]
    names = [element.partition(';')[0] for element in elements if not _REFUSED.search(element)]
    return ','.join(name for name in names if name in _ENCODINGS)


def _entity_tag(stat: os.stat_result) -> str:
    """Return the entity tag that aiohttp gives to a file, without quotation marks."""
    return f'{stat.st_mtime_ns:x}-{stat.st_size:x}'


def _check_conditions(request: web.Request, stat: os.stat_result) -> None:
    """Check the conditions of a request (RFC 9110, 13.2.2), which aiohttp refuses without a reason.

    Raises:
        HTTPPreconditionFailed: the file is not the expected one.
    """
    expected, since = request.if_match, request.if_unmodified_since
    if expected is not None:
        holds = any(tag.value == '*' or (tag.value == _entity_tag(stat) and not tag.is_weak) for tag in expected)
    else:
        holds = since is None or stat.st_mtime <= since.timestamp()
    if not holds:
        raise web.HTTPPreconditionFailed(text='the file is not the expected one')


def _asks_for_part(request: web.Request, stat: os.stat_result) -> bool:
    """Return whether a request is for a part that can be sent alone. All others get the whole file (RFC 9110, 14.2).

    aiohttp refuses several parts and unknown units, and ignores an entity tag in If-Range.
    """
    match = _PART.fullmatch(request.headers.get('Range', ''))
    tag = request.headers.get('If-Range', '')
    if match is None or (tag.startswith(('"', 'W/')) and tag != f'"{_entity_tag(stat)}"'):
        return False
    first, last = match.groups()
    if not (first or last) or (first and last and int(first) > int(last)):
        return False
    if int(first) >= stat.st_size if first else not int(last):
        raise web.HTTPRequestRangeNotSatisfiable(
            text=f'the file has {stat.st_size} bytes', headers={'Content-Range': f'bytes */{stat.st_size}'})
    return True


def plain(name: str) -> str:
    """Return the name of a file, without a folder and not hidden (NOT_FOUND)."""
    if '/' in name or '\0' in name or name.startswith('.') or len(name.encode(errors='replace')) > _MAX_NAME:
        raise TurretError(ReasonCode.NOT_FOUND, f'there is no file {name:.100}')
    return name


def _inside(folder: Path, name: str) -> Path:
    """Return a file inside a folder (NOT_FOUND)."""
    try:
        path = (folder / name.replace('\0', '/')).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    except (OSError, ValueError):  # the name is too long, or not a name of a file
        pass
    raise TurretError(ReasonCode.NOT_FOUND, f'there is no file {name:.100}')
