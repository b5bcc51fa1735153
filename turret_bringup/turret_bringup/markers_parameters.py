# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node ``markers``."""

from __future__ import annotations

from dataclasses import dataclass

from turret_common.params import frame_prefix_param, param


@dataclass(frozen=True)
class MarkersParameters:
    """How what the turret knows is drawn."""

    rate_hz: float = param(15.0, 'Publishing rate while there is a subscriber', unit='Hz', minimum=1.0, maximum=60.0)
    distance_m: float = param(
        3.0, 'Distance at which bearings are drawn', unit='m', minimum=0.2, maximum=100.0, live=True)
    draw_head: bool = param(False, 'Drawing of the head, for viewers without a robot model and transforms', live=True)
    base_camera: tuple[float, ...] = param(
        (0.0, 0.0, -0.1), 'Position of a camera on the base, as configured for the controller: forward, left, up',
        unit='m', minimum=-2.0, maximum=2.0, elements=('forward', 'left', 'up'))
    frame_prefix: str = frame_prefix_param()
