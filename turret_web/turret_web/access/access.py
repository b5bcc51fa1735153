# SPDX-License-Identifier: Apache-2.0
"""Sign-in: tokens on disk, sessions in signed cookies.

There are two tokens, one for operators and one for viewers, in a file of mode 600. A client that presents a token gets
a cookie with its role and expiry, signed with a key derived from the tokens: sessions survive a restart, and new tokens
end all of them. Sessions that signed out are kept in a file until they would have expired.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import io
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from turret_common.errors import TurretError
from turret_common.json_file import JsonFile
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role

#: Duration of a session [s].
SESSION_S = 30 * 24 * 3600.0

_BEARER = 'bearer '
_MIN_TOKEN = 16
#: Beginning of the names of session cookies; the port follows.
_COOKIE = 'turret_'


@dataclass(frozen=True)
class Tokens:
    """Tokens of the two roles."""

    operator: str
    viewer: str


@dataclass(frozen=True)
class Grant:
    """Permission that a request was granted.

    Attributes:
        role: role of the client.
        until_s: end of the session [s since 1970]; infinite for a token.
        key: identifies the tokens that were valid; empty if no token is needed.
        session: identifies the session; empty for a token.
    """

    role: Role
    until_s: float = math.inf
    key: str = ''
    session: str = ''


def tokens_path(namespace: str, named: str = '') -> Path:
    """Return the file with the tokens of a turret: the one that the parameter ``tokens_file`` names, or its own."""
    return Path(named).expanduser() if named else state_dir(namespace) / 'web.tokens'


def _tokens_file(path: Path) -> JsonFile[Tokens]:
    return JsonFile(path, 1, _parse_tokens, asdict)


def _parse_tokens(data: Mapping[str, str]) -> Tokens:
    tokens = Tokens(**data)
    if min(len(tokens.operator), len(tokens.viewer)) < _MIN_TOKEN:
        raise ValueError(f'a token is shorter than {_MIN_TOKEN} characters')
    return tokens


def rotate_tokens(path: Path) -> Tokens:
    """Write new tokens, which end all sessions, and return them (IO_ERROR)."""
    tokens = Tokens(operator=secrets.token_urlsafe(24), viewer=secrets.token_urlsafe(24))
    _tokens_file(path).save(tokens)
    return tokens


def load_tokens(path: Path) -> Tokens:
    """Return the tokens of a file, which is created if it does not exist.

    Raises:
        TurretError: IO_ERROR or DAMAGED, the file cannot be read or is invalid; NOT_ALLOWED, others can read it.
    """
    tokens = _tokens_file(path).load()
    if tokens is None:
        return rotate_tokens(path)
    if path.stat().st_mode & 0o077:
        raise TurretError(ReasonCode.NOT_ALLOWED, f'{path} can be read by other users: chmod 600 it')
    return tokens


def sign_in_url(base_url: str, token: str) -> str:
    """Return the address that signs a browser in and redirects to the panel."""
    return f'{base_url}/sign-in?token={quote(token)}'


def qr_code(text: str) -> str:
    """Return a QR code for a terminal; empty if the package that draws it is not installed."""
    if importlib.util.find_spec('segno') is None:
        return ''
    import segno  # imported only when a code is shown
    lines = io.StringIO()
    segno.make(text, error='l', micro=False).terminal(lines, compact=True)
    return lines.getvalue()


class WrongTokenError(TurretError):
    """A client presented a wrong token: NOT_SIGNED_IN."""

    def __init__(self) -> None:
        super().__init__(ReasonCode.NOT_SIGNED_IN, 'wrong token')


class Access:
    """Decides which role a request has."""

    def __init__(self, path: Path | None, port: int) -> None:
        """Create it.

        Args:
            path: file of the tokens; None if every client is an operator.
            port: in the name of the session cookie, since cookies are shared by all ports of a host. Sessions of
                servers with the same tokens are accepted too: the panel of a replay needs no second sign-in.
        """
        self._path = path
        self._read: tuple[object, Tokens] | None = None
        self._signed_out = JsonFile[dict[str, float]](
            path.with_name('web.signed_out') if path is not None else Path(os.devnull), 1,
            lambda data: {str(session): float(until) for session, until in data.items()}, dict)
        self._revoked: dict[str, float] = {}
        self._revoked_read: object = None
        self.cookie_name = f'{_COOKIE}{port}'

    @property
    def needs_sign_in(self) -> bool:
        """Whether a token is needed."""
        return self._path is not None

    def grant(self, cookies: Sequence[str], authorization: str, token: str, now_s: float) -> Grant | None:
        """Return the permission of a request, None without a token or a valid session.

        Args:
            cookies: Cookie headers of the request; any of several cookies may hold the session.
            authorization: Authorization header; empty = none.
            token: query parameter ``token``, for programs that cannot send headers; empty = none.
            now_s: time since 1970 [s].

        Raises:
            WrongTokenError: a token was presented, and it is wrong.
        """
        if self._path is None:
            return Grant(Role.OPERATOR)
        if authorization[:len(_BEARER)].lower() == _BEARER:
            token = token or authorization[len(_BEARER):].strip()
        tokens = self._tokens(self._path)
        if token:
            return Grant(_role_of_token(tokens, token), key=_fingerprint(tokens))
        pairs = [pair.partition('=') for header in cookies for pair in header.split(';')]
        named = [(name.strip(), value.strip().strip('"')) for name, _, value in pairs]
        sessions = (value for name, value in sorted(
            named, key=lambda cookie: cookie[0] != self.cookie_name) if name.startswith(_COOKIE))
        return next(filter(None, (self._of_session(tokens, value, now_s) for value in sessions)), None)

    def new_session(self, token: str, now_s: float) -> tuple[Role, str]:
        """Return the role of a token, and the value of the cookie of a new session.

        Raises:
            WrongTokenError: the token is wrong.
        """
        if self._path is None:
            raise WrongTokenError
        tokens = self._tokens(self._path)
        role = _role_of_token(tokens, token)
        claim = f'{role.value}.{int(now_s + SESSION_S)}.{secrets.token_hex(8)}'
        return role, f'{claim}.{_signature(tokens, claim)}'

    def end_session(self, grant: Grant, now_s: float) -> None:
        """Make a session invalid (IO_ERROR)."""
        if grant.session:
            self._revoked = {session: until for session, until in self._ended_sessions().items() if until > now_s}
            self._revoked[grant.session] = grant.until_s
            self._signed_out.save(self._revoked)

    def is_valid(self, grant: Grant, now_s: float) -> bool:
        """Return whether a permission still holds: same tokens, not expired, not signed out."""
        if self._path is None:
            return True
        return (
            now_s < grant.until_s and grant.session not in self._ended_sessions()
            and hmac.compare_digest(grant.key, _fingerprint(self._tokens(self._path))))

    def _of_session(self, tokens: Tokens, cookie: str, now_s: float) -> Grant | None:
        claim, _, signature = cookie.rpartition('.')
        if not hmac.compare_digest(signature.encode(), _signature(tokens, claim).encode()):
            return None
        role, until, session = claim.split('.')  # signed, therefore in this form
        grant = Grant(Role(role), float(until), _fingerprint(tokens), session)
        return grant if self.is_valid(grant, now_s) else None

    def _ended_sessions(self) -> dict[str, float]:
        """Return the sessions that signed out, here or at another server with the same tokens."""
        state = _state_of(self._signed_out.path)
        if state != self._revoked_read:
            self._revoked = {**self._revoked, **(self._signed_out.load_or_set_aside(lambda _: None) or {})}
            self._revoked_read = state
        return self._revoked

    def _tokens(self, path: Path) -> Tokens:
        """Return the tokens; the file is read again when it has changed."""
        state = _state_of(path)
        if self._read is None or self._read[0] != state or state is None:
            self._read = (state, load_tokens(path))
        return self._read[1]


def _state_of(path: Path) -> object:
    """Return what changes when a file does; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size, stat.st_mode


def _role_of_token(tokens: Tokens, shown: str) -> Role:
    for role, token in ((Role.OPERATOR, tokens.operator), (Role.VIEWER, tokens.viewer)):
        if hmac.compare_digest(shown.encode(), token.encode()):
            return role
    raise WrongTokenError


def _key(tokens: Tokens) -> bytes:
    return hashlib.sha256(f'session 2 {tokens.operator} {tokens.viewer}'.encode()).digest()


def _fingerprint(tokens: Tokens) -> str:
    return hashlib.sha256(_key(tokens)).hexdigest()


def _signature(tokens: Tokens, claim: str) -> str:
    return hmac.new(_key(tokens), claim.encode(), hashlib.sha256).hexdigest()
