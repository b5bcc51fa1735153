# SPDX-License-Identifier: Apache-2.0
"""Parameters of the status node."""

from __future__ import annotations

import dataclasses

from turret_common.params import frame_prefix_param, param


@dataclasses.dataclass(frozen=True)
class StatusParameters:
    """How often the status is published and when a node counts as silent."""

    period_s: float = param(0.5, 'Period of the status message', unit='s', minimum=0.05, maximum=2.0)
    expected_nodes: tuple[str, ...] = param(
        ('camera', 'vision', 'controller', 'gimbal', 'laser', 'safety'), 'Nodes whose absence is a fault')
    start_grace_s: float = param(
        10.0, 'Time after start until an expected node that was never seen is a fault', unit='s', minimum=0.0)
    silent_fast_s: float = param(
        1.0, 'Silence of gimbal, laser, safety or controller (10 Hz) that is a fault', unit='s', minimum=0.2)
    silent_slow_s: float = param(2.0, 'Silence of any other node (2 Hz) that is a fault', unit='s', minimum=0.6)
    tracks_lifetime_s: float = param(1.0, 'Maximum age of the tracks shown', unit='s', minimum=0.1)
    restart_shown_s: float = param(10.0, 'Time for which a restart remains an active fault', unit='s', minimum=0.0)
    frame_prefix: str = frame_prefix_param()
