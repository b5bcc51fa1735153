# SPDX-License-Identifier: Apache-2.0
"""Isolation of a replay from every real turret.

A replay publishes messages that once moved a head and fired a laser. To keep them from hardware:

* it runs in its own ROS domain, neither that of the shell nor one in use (:func:`choose_domain`), and
  which no other host can join (:func:`isolated`);
* it stops as soon as a node that drives hardware appears in its domain (:func:`intruder`);
* requests of operators and grants to fire are not played at all, and a permit never permits the laser
  (:func:`plan`, :class:`turret_bringup.replay.ros_replay.Permits`);
* nothing is mapped onto a name that hardware listens to (:func:`plan`);
* the nodes that run again have a state folder of their own, so that the turret's settings stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from turret_bringup.settings.graph import GRAPH
from turret_common.errors import TurretError
from turret_common.interface import TOPICS
from turret_common.name_patterns import NamePatterns
from turret_common.reason_codes import ReasonCode
from turret_common.ros.domains import DOMAINS

#: Nodes that drive hardware, or imitate it.
HARDWARE = frozenset(spec.name for spec in GRAPH if spec.backend or spec.simulation_only)
#: What operators and automatic fire ask for: never played. By type, because a topic may have been renamed.
NEVER_PLAYED = frozenset({
    'turret_msgs/msg/FireGrant', 'turret_msgs/msg/FireRequest', 'sensor_msgs/msg/Joy',
    'sensor_msgs/msg/JoyFeedback'})
#: Topics that nothing may be mapped onto: what hardware listens to, or proves by, in any namespace.
GUARDED = ('safety/*', 'laser/*', 'gimbal/*', 'joint_states', 'joy', 'controller/fire_request')
PERMIT_TYPE = 'turret_msgs/msg/SafetyPermit'
#: Under the namespace: what was recorded of nodes that run again.
RECORDED = 'recorded'
_OWN_TOPICS = ('/clock', '/parameter_events')
_NAME = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')


def choose_domain(asked: int | None, environment: Mapping[str, str], in_use: Callable[[int], bool]) -> int:
    """Return the ROS domain of a replay.

    Args:
        asked: requested domain; None = any unused domain.
        environment: of the shell.
        in_use: returns whether a domain is in use.

    Raises:
        TurretError: NOT_ALLOWED, the requested domain is that of the shell, or in use.
    """
    ambient = environment.get('ROS_DOMAIN_ID', '').strip() or '0'
    if asked is not None:
        if str(asked) == ambient:
            raise TurretError(
                ReasonCode.NOT_ALLOWED,
                f'ROS domain {asked} is the one of this shell; a replay needs another, so that it reaches no hardware')
        if asked not in DOMAINS:
            raise TurretError(
                ReasonCode.OUT_OF_RANGE, f'ROS domain {asked} is not between {DOMAINS[0]} and {DOMAINS[-1]}')
        if in_use(asked):
            raise TurretError(
                ReasonCode.NOT_ALLOWED, f'ROS domain {asked} is in use; a replay needs its own')
        return asked
    for domain in reversed(DOMAINS):
        if str(domain) != ambient and not in_use(domain):
            return domain
    raise TurretError(ReasonCode.BUSY, 'no ROS domain is free for a replay')


def isolated(environment: Mapping[str, str], domain: int, state: str) -> dict[str, str]:
    """Return the environment of everything that takes part in a replay.

    Args:
        environment: of the shell.
        domain: of the replay.
        state: folder for what the nodes keep.
    """
    kept = {name: value for name, value in environment.items() if name not in (
        'ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER', 'ROS_LOCALHOST_ONLY', 'XDG_RUNTIME_DIR',
        'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')}
    return {**kept, 'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'XDG_STATE_HOME': state}


def intruder(nodes: Iterable[str]) -> str | None:
    """Return the name of a node that drives hardware, None where there is none."""
    return next((name for name in nodes if name in HARDWARE), None)


class Outlet(NamedTuple):
    """What is played of a topic: under which name; None = nothing, and why."""

    name: str | None
    why_not: str = ''


def plan(
        topics: Mapping[str, str], *, namespace: str | None, wanted: Sequence[str] = (), remaps: Sequence[str] = (),
        into: Sequence[str] = ()) -> dict[str, Outlet]:
    """Return what becomes of each topic of a bag.

    Args:
        topics: name and type of those in the bag.
        namespace: of the turret that was recorded, with a slash at its beginning; None = no turret.
        wanted: patterns of names, relative to the namespace unless they begin with a slash; empty = all.
        remaps: ``from:=to``, both absolute.
        into: nodes that run again, whose own topics would be published twice.

    Raises:
        TurretError: INVALID_ARGUMENT, NOT_ALLOWED (onto what hardware listens to), UNKNOWN_NAME (no topic fits).
    """
    mapping = dict(_remap(text) for text in remaps)
    patterns = NamePatterns(namespace or '', wanted)
    owned = {f'{namespace}/{topic.name}' for topic in TOPICS if topic.node in into} if namespace else set()
    outlets = {}
    for name, kind in topics.items():
        if not _NAME.fullmatch(name):
            outlets[name] = Outlet(None, 'no name that a topic can have')
        elif kind in NEVER_PLAYED:
            outlets[name] = Outlet(None, 'a request of an operator, or to fire')
        elif name in _OWN_TOPICS:
            outlets[name] = Outlet(None, 'of the recording, not of the replay')
        elif wanted and name not in patterns:
            outlets[name] = Outlet(None, 'not asked for')
        elif name in owned:
            outlets[name] = Outlet(f'{namespace}/{RECORDED}{name[len(namespace or ""):]}')
        else:
            outlets[name] = Outlet(mapping.get(name, name))
    for what, given in (('topic', mapping), ('topic that matches', patterns.patterns)):
        for pattern in given:
            if not any(name in NamePatterns('', [pattern]) for name in topics):
                raise TurretError(ReasonCode.UNKNOWN_NAME, f'the bag has no {what} "{pattern}"')
    return outlets


def _remap(text: str) -> tuple[str, str]:
    source, arrow, target = text.partition(':=')
    if not (arrow and _NAME.fullmatch(source) and _NAME.fullmatch(target)):
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'"{text}" has not the form /from:=/to, both with a slash at the beginning')
    if target in NamePatterns('', [f'/*/{pattern}' for pattern in GUARDED] + [f'/{pattern}' for pattern in GUARDED]):
        raise TurretError(ReasonCode.NOT_ALLOWED, f'nothing may be played as {target}: hardware might listen to it')
    return source, target
