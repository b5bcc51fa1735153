# SPDX-License-Identifier: Apache-2.0
"""Minimum versions of Python packages that a feature needs; those of a distribution may be older, or missing."""

from __future__ import annotations

import re
from importlib import metadata

#: Minimum version of each package, by the feature that needs it. docs/ros.md lists those that every turret needs.
MINIMUM: dict[str, dict[str, tuple[int, int]]] = {
    'GPIO pins': {'gpiozero': (2, 0)},
    'WebRTC': {'aiortc': (1, 12), 'av': (14, 0)},
}


def unmet(feature: str) -> str:
    """Return why a feature cannot work with the installed packages, as one sentence; empty where it can.

    The packages are not imported.
    """
    for name, minimum in MINIMUM[feature].items():
        needed = '.'.join(map(str, minimum))
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            return f'{feature}: {name} {needed} or newer is required, which is not installed'
        if tuple(int(part) for part in re.findall(r'\d+', version)[:2]) < minimum:
            return f'{feature}: {name} {needed} or newer is required, and {version} is installed'
    return ''
