# SPDX-License-Identifier: Apache-2.0
"""Minimum versions of Python packages that a feature needs; those of a distribution may be older, or missing."""

from __future__ import annotations

import importlib
import re
from importlib import metadata

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Feature without which no turret works.
BASIS = 'turret'
#: Minimum version of each package, by the feature that needs it. ``./turret test distribution`` runs on those of the
#: basis; docs/ros.md repeats them.
MINIMUM: dict[str, dict[str, tuple[int, int]]] = {
    BASIS: {
        'opencv': (4, 6), 'numpy': (1, 24), 'aiohttp': (3, 8), 'PyYAML': (6, 0), 'psutil': (5, 9), 'cbor2': (5, 4),
        'setproctitle': (1, 3)},
    'video files': {'av': (10, 0)},
    'WebRTC': {'aiortc': (1, 12), 'av': (14, 0)},
    'MQTT handset': {'paho-mqtt': (1, 6)},
    'GPIO pins': {'gpiozero': (2, 0)},
    'plots': {'matplotlib': (3, 6)},
    'ONVIF cameras': {'onvif-zeep-async': (4, 3)},
}


def version(name: str) -> str:
    """Return the version of an installed package.

    Raises:
        metadata.PackageNotFoundError: it is not installed.
    """
    if name != 'opencv':
        return metadata.version(name)
    try:
        # Debian installs it without metadata, and PyPI has it under several names.
        return str(importlib.import_module('cv2').__version__)
    except ImportError:
        raise metadata.PackageNotFoundError(name) from None


def unmet(feature: str) -> str:
    """Return why a feature cannot work with the installed packages, as one sentence; empty where it can."""
    for name, minimum in MINIMUM[feature].items():
        needed = '.'.join(map(str, minimum))
        try:
            installed = version(name)
        except metadata.PackageNotFoundError:
            return f'{feature}: {name} {needed} or newer is required, which is not installed'
        if tuple(int(part) for part in re.findall(r'\d+', installed)[:2]) < minimum:
            return f'{feature}: {name} {needed} or newer is required, and {installed} is installed'
    return ''


def require(feature: str) -> None:
    """Refuse a feature that cannot work with the installed packages.

    Raises:
        TurretError: NOT_SUPPORTED, with the reason.
    """
    if reason := unmet(feature):
        raise TurretError(ReasonCode.NOT_SUPPORTED, reason)
