# SPDX-License-Identifier: Apache-2.0
"""Helpers that all groups of routes share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.access.access import Grant
from turret_web.access.policy import Role

#: Permission of the client whose request is being handled; None for one that has not signed in.
current_grant: ContextVar[Grant | None] = ContextVar('current_grant')

#: Maximum time for the body of a request to arrive [s].
_BODY_S = 10.0

_HTTP_STATUS = {
    ReasonCode.NOT_SIGNED_IN: 401, ReasonCode.NOT_ALLOWED: 403, ReasonCode.NOT_FOUND: 404, ReasonCode.TOO_LARGE: 413,
    ReasonCode.RATE_LIMITED: 429, ReasonCode.INTERNAL_ERROR: 500, ReasonCode.NOT_READY: 503,
    ReasonCode.TIMED_OUT: 504,
}


def granted() -> Grant:
    """Return the permission of the client whose request is being handled (NOT_SIGNED_IN)."""
    grant = current_grant.get()
    if grant is None:
        raise TurretError(ReasonCode.NOT_SIGNED_IN, 'sign in first')
    return grant


def current_role() -> Role:
    """Return the role of the client whose request is being handled."""
    return granted().role


def address_of(request: web.Request) -> str:
    """Return the IP address of the client."""
    return request.remote or ''


def caller_of(request: web.Request) -> str:
    """Return role and address of the client, for the log."""
    return f'{current_role().value} {request.remote}'


def redirect(path: str) -> web.Response:
    """Return a redirect to a path of this server."""
    return web.Response(status=303, headers={'Location': path, 'Cache-Control': 'no-store'})


def json_response(value: Any) -> web.Response:
    """Return a JSON response that must not be cached."""
    return web.Response(
        body=fast_json.dumps(value), content_type='application/json', headers={'Cache-Control': 'no-store'})


def refusal(code: ReasonCode, message: str) -> web.Response:
    """Return a refusal with the fields of a service response and the closest HTTP status."""
    text = message.encode(errors='replace').decode()
    response = json_response({'success': False, 'code': int(code), 'message': text})
    response.set_status(_HTTP_STATUS.get(code, 400))
    return response


@contextmanager
def disconnect_if_stalled(request: web.Request, stall_s: float) -> Iterator[None]:
    """Close the connection of a client that does not read what is written within a time [s]."""
    transport = request.transport
    handle = asyncio.get_running_loop().call_later(stall_s, transport.abort) if transport is not None else None
    try:
        yield
    finally:
        if handle is not None:
            handle.cancel()


async def read_body(request: web.Request, limit: int, timeout_s: float = _BODY_S) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        limit: maximum size [bytes].
        timeout_s: maximum time for the body to arrive [s].

    Raises:
        TurretError: TOO_LARGE, TIMED_OUT, or INVALID_ARGUMENT, its encoding is damaged.
    """
    if (request.content_length or 0) > limit:
        raise TurretError(ReasonCode.TOO_LARGE, f'the body is larger than {limit} bytes')
    try:
        body = await asyncio.wait_for(request.read(), timeout_s)
    except asyncio.TimeoutError:
        raise TurretError(ReasonCode.TIMED_OUT, f'the body did not arrive within {timeout_s:g} s') from None
    except (web.RequestPayloadError, PayloadEncodingError):
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, 'the body is damaged, or not in the encoding that its headers name') from None
    if len(body) > limit:
        raise TurretError(ReasonCode.TOO_LARGE, f'the body is larger than {limit} bytes')
    return body
