"""Parameters of the node ``bag``."""

from __future__ import annotations

import dataclasses

from turret_common.params import group, param


@dataclasses.dataclass(frozen=True)
class TopicParameters:
    """What a selection records; patterns, relative to the namespace unless they begin with a slash."""

    light: tuple[str, ...] = param(
        ('status', '*/state', 'vision/detections', 'vision/tracks', 'joint_states', 'controller/*', 'gimbal/*',
         'safety/*', 'exclusion/*', 'camera/camera_info', 'sim/ground_truth', '/tf', '/tf_static', '/diagnostics',
         '/rosout',
         '/parameter_events'),
        'topics of the selection "light"')
    full: tuple[str, ...] = param(
        ('camera/*/compressed', 'vision/*/compressed', 'camera/audio'), 'topics that the selection "full" has besides')
    excluded: tuple[str, ...] = param(
        ('controller/jog',), 'topics that no selection has; the operator\'s lease is in each message of controller/jog')


@dataclasses.dataclass(frozen=True)
class RingParameters:
    """The last seconds, kept in memory to be saved after something has happened."""

    selection: str = param(
        'light', 'topics that are kept; "off" keeps nothing', choices=('off', 'light', 'full', 'all'))
    excluded: tuple[str, ...] = param(
        ('sim/ground_truth',),
        'topics of the selection that are not kept; 200 messages/s of ground truth cost more than all else')
    seconds: float = param(30.0, 'how far back it reaches', unit='s', minimum=1.0, maximum=600.0)
    max_mb: int = param(64, 'memory that it may take; older messages go first', unit='MB', minimum=1, maximum=10_000)


@dataclasses.dataclass(frozen=True)
class AutoParameters:
    """When the last seconds are saved without being asked for."""

    on_fault: bool = param(True, 'save when a function of the turret fails (a fault of severity error)', live=True)
    on_fire: bool = param(True, 'save when the laser has fired', live=True)
    after_s: float = param(
        5.0, 'wait so long, so that what follows is saved too', unit='s', minimum=0.0, maximum=300.0, live=True)
    gap_s: float = param(
        60.0, 'at least so long from one to the next', unit='s', minimum=1.0, maximum=86400.0, live=True)
    keep: int = param(
        20, 'bags kept that were saved like this; the oldest go first', minimum=1, maximum=10_000, live=True)


@dataclasses.dataclass(frozen=True)
class BagParameters:
    """What is recorded, and within which limits."""

    record_on_start: str = param(
        'off', 'selection that is recorded from the start on', choices=('off', 'light', 'full', 'all'))
    bag_dir: str = param('', 'folder of the bags; empty = bags in the state folder')
    split_mb: int = param(
        1000, 'a recording goes on in another file when one has this size; 0 = never', unit='MB', minimum=0,
        maximum=10**6, live=True)
    split_s: float = param(
        0.0, 'a recording goes on in another file after this time; 0 = never', unit='s', minimum=0.0, maximum=86400.0,
        live=True)
    min_free_mb: int = param(
        500, 'recording stops, and refuses to start, with less free space than this', unit='MB', minimum=1,
        maximum=10**6, live=True)
    queue_mb: int = param(
        64, 'messages may wait in memory up to this size while the disk is slow; more are dropped and counted',
        unit='MB', minimum=1, maximum=10_000, live=True)
    topics: TopicParameters = group(TopicParameters)
    ring: RingParameters = group(RingParameters)
    auto: AutoParameters = group(AutoParameters)
