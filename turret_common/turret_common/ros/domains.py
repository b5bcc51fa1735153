# SPDX-License-Identifier: Apache-2.0
"""ROS domains of this machine that are in use."""

from __future__ import annotations

import contextlib
from pathlib import Path

#: Domains whose ports are below the ephemeral ports of Linux.
DOMAINS = range(1, 102)
#: Participants of a domain on a host that Fast DDS announces a new one to.
ANNOUNCED_TO = 32

_SOCKETS = (Path('/proc/net/udp'), Path('/proc/net/udp6'))


def participants(domain: int) -> int:
    """Return how many of the first 32 participant numbers of a domain are taken, by their ports (DDSI-RTPS 9.6.1.1)."""
    ports = set()
    for path in _SOCKETS:
        with contextlib.suppress(FileNotFoundError):  # without IPv6
            ports |= {int(line.split()[1].rpartition(':')[2], 16) for line in path.read_text().splitlines()[1:]}
    first = 7410 + 250 * domain
    return sum(not ports.isdisjoint((port, port + 1)) for port in range(first, first + 2 * ANNOUNCED_TO, 2))


def is_in_use(domain: int) -> bool:
    """Return whether one of the first participants of a domain exists."""
    return participants(domain) > 0
