# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node ``replay``."""

from __future__ import annotations

from dataclasses import dataclass

from turret_bringup.replay.player import RATE_RANGE
from turret_common.params import param

#: Nodes that can be run again on what was recorded.
RUN_AGAIN = ('vision', 'controller')


@dataclass(frozen=True)
class ReplayParameters:
    """What is replayed, and how."""

    bag: str = param('', 'Folder of the bag, or an MCAP file')
    domain: int = param(0, 'ROS domain of the replay; the node refuses to start in any other', minimum=0, maximum=232)
    rate: float = param(
        1.0, 'Playback rate, in recorded seconds per second', unit='s/s', minimum=RATE_RANGE[0], maximum=RATE_RANGE[1])
    loop: bool = param(False, 'Restart at the end')
    hold: bool = param(False, 'Pause at the end instead of exiting')
    paused: bool = param(False, 'Pause at the start')
    start_s: float = param(0.0, 'Start position, relative to the beginning of the bag', unit='s', minimum=0.0)
    end_s: float = param(0.0, 'End position, relative to the beginning of the bag; 0 = its end', unit='s', minimum=0.0)
    skip_gaps_s: float = param(
        0.0, 'Maximum time without messages; longer gaps are skipped; 0 = skip none', unit='s', minimum=0.0)
    topics: tuple[str, ...] = param(
        (), 'Patterns of the topics to play, relative to the recorded namespace unless they begin with a slash; empty '
        '= all')
    remap: tuple[str, ...] = param((), 'Topics to play under other names, each as /from:=/to')
    clock_hz: float = param(
        200.0, 'Maximum rate of the topic /clock with the recorded time; 0 = none', unit='Hz', minimum=0.0,
        maximum=1000.0)
    into: tuple[str, ...] = param((), 'Nodes that run again on the recording', choices=RUN_AGAIN)
