# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node ``bag``."""

from __future__ import annotations

import dataclasses

from turret_common.params import group, param


@dataclasses.dataclass(frozen=True)
class TopicParameters:
    """What a selection records; patterns, relative to the namespace unless they begin with a slash."""

    light: tuple[str, ...] = param(
        ('status', '*/state', 'bag/events', 'vision/detections', 'vision/tracks', 'joint_states', 'controller/*',
         'gimbal/*', 'safety/*', 'exclusion/*', 'camera/camera_info', 'sim/ground_truth', '/tf', '/tf_static',
         '/diagnostics', '/rosout', '/parameter_events'), 'Topics of the selection "light"')
    full: tuple[str, ...] = param(
        ('camera/*/compressed', 'vision/*/compressed', 'camera/audio'), 'Additional topics of the selection "full"')
    excluded: tuple[str, ...] = param(('vision/mask/compressed',), 'Topics that no selection contains')


@dataclasses.dataclass(frozen=True)
class RingParameters:
    """The last seconds, kept in memory to be saved after something has happened."""

    selection: str = param(
        'light', 'Selection of topics kept in memory; off = none', choices=('off', 'light', 'full', 'all'))
    excluded: tuple[str, ...] = param(
        ('sim/ground_truth',), 'Topics of the selection that are not kept; 200 messages/s of ground truth cost more '
        'than all others')
    seconds: float = param(30.0, 'Length of the ring buffer', unit='s', minimum=1.0, maximum=600.0)
    max_mb: int = param(
        64, 'Maximum memory of the ring buffer; the oldest messages are dropped', unit='MB', minimum=1, maximum=10_000)


@dataclasses.dataclass(frozen=True)
class AutoParameters:
    """When the last seconds are saved without being asked for."""

    on_fault: bool = param(True, 'Snapshot when a function of the turret fails (a fault of severity error)', live=True)
    on_fire: bool = param(True, 'Snapshot when the laser has fired', live=True)
    after_s: float = param(
        5.0, 'Delay of the snapshot after the event', unit='s', minimum=0.0, maximum=300.0, live=True)
    gap_s: float = param(
        60.0, 'Minimum interval between automatic snapshots', unit='s', minimum=1.0, maximum=86400.0, live=True)
    keep: int = param(
        20, 'Number of automatic snapshots kept; the oldest are deleted', minimum=1, maximum=10_000, live=True)


@dataclasses.dataclass(frozen=True)
class BagParameters:
    """What is recorded, and within which limits."""

    record_on_start: str = param('off', 'Selection recorded from the start', choices=('off', 'light', 'full', 'all'))
    bag_dir: str = param('', 'Folder of the bags; empty = bags in the state folder')
    split_mb: int = param(
        1000, 'Maximum size of one file of a recording; 0 = unlimited', unit='MB', minimum=0, maximum=10**6, live=True)
    split_s: float = param(
        0.0, 'Maximum duration of one file of a recording; 0 = unlimited', unit='s', minimum=0.0, maximum=86400.0,
        live=True)
    min_free_mb: int = param(
        500, 'Minimum free disk space; with less, recording stops or does not start', unit='MB', minimum=1,
        maximum=10**6, live=True)
    queue_mb: int = param(
        64, 'Maximum memory of messages waiting for the disk; further ones are dropped and counted', unit='MB',
        minimum=1, maximum=10_000, live=True)
    topics: TopicParameters = group(TopicParameters)
    ring: RingParameters = group(RingParameters)
    auto: AutoParameters = group(AutoParameters)
