"""What the groups of addresses have in common."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from turret_common.reason_codes import ReasonCode
from turret_web.policy import Role

#: Under this key a request carries the role that the guard found.
ROLE = 'turret.role'

_HTTP_STATUS = {
    ReasonCode.NOT_SIGNED_IN: 401, ReasonCode.NOT_ALLOWED: 403, ReasonCode.NOT_FOUND: 404, ReasonCode.TOO_LARGE: 413,
    ReasonCode.RATE_LIMITED: 429, ReasonCode.INTERNAL_ERROR: 500, ReasonCode.NOT_READY: 503,
    ReasonCode.TIMED_OUT: 504,
}


def role_of(request: web.Request) -> Role:
    """Return what the one who sent a request may do."""
    role: Role = request[ROLE]
    return role


def caller_of(request: web.Request) -> str:
    """Return who sent a request, for the log."""
    return f'{role_of(request).value} {request.remote}'


def json_response(value: Any) -> web.Response:
    """Return an answer that is true now and may not be kept."""
    return web.Response(
        body=orjson.dumps(value), content_type='application/json', headers={'Cache-Control': 'no-store'})


def refusal(code: ReasonCode, message: str) -> web.Response:
    """Return a refusal in the shape that services have, with the HTTP status that is nearest."""
    response = json_response({'success': False, 'code': int(code), 'message': message})
    response.set_status(_HTTP_STATUS.get(code, 400))
    return response
