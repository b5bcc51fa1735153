# SPDX-License-Identifier: Apache-2.0
"""ROS domains of this machine that are in use."""

from __future__ import annotations

import socket

#: Domains whose ports are below the ephemeral ports of Linux.
DOMAINS = range(1, 102)
_PORTS = 40  # of the first participants


def is_in_use(domain: int) -> bool:
    """Return whether a participant holds one of the domain's first UDP ports (DDSI-RTPS 9.6.1.1)."""
    first = 7410 + 250 * domain
    for port in range(first, first + _PORTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', port))
            except OSError:
                return True
    return False
