# SPDX-License-Identifier: Apache-2.0
"""``fleet.yaml``: names, addresses and access tokens of turrets on other hosts or in other ROS domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from turret_common.errors import TurretError
from turret_common.paths import state_root
from turret_common.reason_codes import ReasonCode
from turret_common.user_files import parse_yaml, read_text

_KEYS = {'name', 'url', 'token', 'certificate'}


class FleetEntry(NamedTuple):
    """One turret that is reached over HTTP.

    Attributes:
        name: shown; unique. One with a slash at its beginning is the namespace of a turret of this host.
        url: of its panel, without a slash at the end.
        token: viewer or operator token of its web gateway; empty = none needed.
        certificate: PEM file that its TLS certificate is checked with; empty = the authorities of this host.
        fingerprint: SHA-256 of its TLS certificate, in hexadecimal, which is checked instead; empty = none.
    """

    name: str
    url: str
    token: str = ''
    certificate: str = ''
    fingerprint: str = ''


def default_path() -> Path:
    """Return the path of the file beside the state folders of this user's turrets."""
    return state_root() / 'fleet.yaml'


def load_fleet(path: Path) -> list[FleetEntry]:
    """Return the entries of a file; none where it does not exist.

    Raises:
        TurretError: NOT_ALLOWED, other users can read the file, which contains tokens; IO_ERROR, it cannot be read;
            INVALID_ARGUMENT or TOO_LARGE, it is not valid.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise TurretError(
                ReasonCode.NOT_ALLOWED, 'it contains tokens and can be read by other users: chmod 600 it')
        document = parse_yaml(read_text(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'{path} cannot be read: {error.strerror}') from error
    except TurretError as error:
        raise TurretError(error.code, f'{path} cannot be used: {error.message}') from error
    turrets = document.get('turrets') if isinstance(document, dict) else None
    if not isinstance(turrets, list):
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{path} must contain a list "turrets:"')
    entries = [_entry(path, turret) for turret in turrets]
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, f'{path} contains the name "{twice}" twice')
    return entries


def _entry(path: Path, values: Any) -> FleetEntry:
    if not isinstance(values, dict) or not set(values) <= _KEYS or not all(
            isinstance(value, str) for value in values.values()):
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'{path}: each turret has the texts name and url, and may have token and '
            'certificate')
    name, url = values.get('name', ''), values.get('url', '').rstrip('/')
    parts = urlsplit(url)
    if not name or name.startswith('/') or not (
            parts.scheme in ('http', 'https') and parts.hostname and not parts.path and not parts.query):
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'{path}: the turret "{name}" needs a name without a slash '
            'at its beginning and a url such as https://10.0.0.5:8000')
    return FleetEntry(name, url, values.get('token', ''), values.get('certificate', ''))
