"""Signing in: tokens on disk, sessions in signed cookies.

There are two tokens, one for operators and one for viewers, in a file of mode 600. Whoever shows a token gets a cookie
that says the role and until when, signed with a key made from the tokens: sessions survive a restart, new tokens end
all of them, and nothing is kept per session.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import io
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from turret_common.errors import TurretError
from turret_common.paths import state_dir, write_atomically
from turret_common.reason_codes import ReasonCode
from turret_web.access.policy import Role

#: How long a session lasts [s].
SESSION_S = 30 * 24 * 3600.0


@dataclass(frozen=True)
class Tokens:
    """What proves that somebody may come in."""

    operator: str
    viewer: str


def tokens_path(namespace: str) -> Path:
    """Return the file with the tokens of a turret."""
    return state_dir(namespace) / 'web.tokens'


def rotate_tokens(path: Path) -> Tokens:
    """Write new tokens, which end all sessions, and return them."""
    tokens = Tokens(operator=secrets.token_urlsafe(24), viewer=secrets.token_urlsafe(24))
    write_atomically(path, json.dumps(asdict(tokens)).encode())
    return tokens


def load_tokens(path: Path) -> Tokens:
    """Return the tokens of a file, which is made where there is none.

    Raises:
        TurretError: IO_ERROR, the file cannot be read, or is not one of ours.
    """
    if not path.exists():
        return rotate_tokens(path)
    try:
        tokens = Tokens(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'{path} holds no tokens: {error}') from error
    if min(len(tokens.operator), len(tokens.viewer)) < 16:
        raise TurretError(ReasonCode.IO_ERROR, f'{path}: a token is shorter than 16 characters')
    return tokens


def sign_in_url(base_url: str, token: str) -> str:
    """Return the address that signs a browser in and leads to the panel."""
    return f'{base_url}/sign-in?token={quote(token)}'


def qr_code(text: str) -> str:
    """Return a QR code for a terminal, for phones to read; empty where a ROS distribution has not what draws it."""
    if importlib.util.find_spec('segno') is None:
        return ''
    import segno  # only where somebody signs in
    lines = io.StringIO()
    segno.make(text, error='l', micro=False).terminal(lines, compact=True)
    return lines.getvalue()


class Access:
    """Who comes in, as what."""

    def __init__(self, path: Path | None, cookie_name: str) -> None:
        """Make it.

        Args:
            path: of the tokens; None where everybody who gets here is an operator.
            cookie_name: what browsers keep the session under. Cookies are shared by all ports of a host.
        """
        self._path = path
        self.cookie_name = cookie_name

    @property
    def needs_sign_in(self) -> bool:
        """Whether a token is needed at all."""
        return self._path is not None

    def role_of(self, cookies: Mapping[str, str], authorization: str, token: str, now_s: float) -> Role | None:
        """Return the role of a request, None where it shows neither a session nor a token that is good.

        Args:
            cookies: of the request.
            authorization: its Authorization header; empty = none.
            token: its query parameter ``token``, for programs that cannot send headers; empty = none.
            now_s: the time since 1970 [s].
        """
        if self._path is None:
            return Role.OPERATOR
        tokens = load_tokens(self._path)
        shown = token or authorization.removeprefix('Bearer ').strip()
        if shown:
            return _role_of_token(tokens, shown)
        return _role_of_session(tokens, cookies.get(self.cookie_name, ''), now_s)

    def new_session(self, token: str, now_s: float) -> tuple[Role, str]:
        """Return the role that a token gives, and the value of the cookie that proves it from now on.

        Raises:
            TurretError: NOT_SIGNED_IN, the token is wrong.
        """
        tokens = load_tokens(self._path) if self._path is not None else None
        role = _role_of_token(tokens, token) if tokens is not None else None
        if tokens is None or role is None:
            raise TurretError(ReasonCode.NOT_SIGNED_IN, 'this token is wrong')
        claim = f'{role.value}.{int(now_s + SESSION_S)}'
        return role, f'{claim}.{_signature(tokens, claim)}'


def _role_of_token(tokens: Tokens, shown: str) -> Role | None:
    for role, token in ((Role.OPERATOR, tokens.operator), (Role.VIEWER, tokens.viewer)):
        if hmac.compare_digest(shown.encode(), token.encode()):
            return role
    return None


def _role_of_session(tokens: Tokens, session: str, now_s: float) -> Role | None:
    claim, _, signature = session.rpartition('.')
    if not hmac.compare_digest(signature.encode(), _signature(tokens, claim).encode()):
        return None
    role, _, until = claim.partition('.')
    return Role(role) if now_s < int(until) else None


def _signature(tokens: Tokens, claim: str) -> str:
    key = hashlib.sha256(f'session {tokens.operator} {tokens.viewer}'.encode()).digest()
    return hmac.new(key, claim.encode(), hashlib.sha256).hexdigest()
