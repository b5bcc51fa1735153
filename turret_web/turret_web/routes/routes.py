"""Helpers that all groups of routes share."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from aiohttp import web

from turret_common import fast_json
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role

#: Role of the client whose request is being handled.
current_role: ContextVar[Role] = ContextVar('current_role')

_HTTP_STATUS = {
    ReasonCode.NOT_SIGNED_IN: 401, ReasonCode.NOT_ALLOWED: 403, ReasonCode.NOT_FOUND: 404, ReasonCode.TOO_LARGE: 413,
    ReasonCode.RATE_LIMITED: 429, ReasonCode.INTERNAL_ERROR: 500, ReasonCode.NOT_READY: 503,
    ReasonCode.TIMED_OUT: 504,
}


def caller_of(request: web.Request) -> str:
    """Return role and address of the client, for the log."""
    return f'{current_role.get().value} {request.remote}'


def redirect(path: str) -> web.Response:
    """Return a redirect to a path of this server."""
    return web.Response(status=303, headers={'Location': path, 'Cache-Control': 'no-store'})


def json_response(value: Any) -> web.Response:
    """Return a JSON response that must not be cached."""
    return web.Response(
        body=fast_json.dumps(value), content_type='application/json', headers={'Cache-Control': 'no-store'})


def refusal(code: ReasonCode, message: str) -> web.Response:
    """Return a refusal with the fields of a service response and the closest HTTP status."""
    response = json_response({'success': False, 'code': int(code), 'message': message})
    response.set_status(_HTTP_STATUS.get(code, 400))
    return response
