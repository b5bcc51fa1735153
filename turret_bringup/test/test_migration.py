# SPDX-License-Identifier: Apache-2.0
"""The page on migration names every route and key of the legacy turret, and only names of ours that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turret_bringup.settings.graph import GRAPH
from turret_bringup.settings.legacy import KNOWN_KEYS
from turret_common import params
from turret_common.interface import ACTIONS, SERVICES, TOPICS
from turret_msgs.msg import TurretStatus

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'migration.md').read_text()
NODES = {spec.name: set(params.specs(spec.parameters())) for spec in GRAPH}
ROUTES = 65


def rows(title: str) -> list[tuple[str, str]]:
    """The rows of a table, as the words of code on the left and the text on the right."""
    section = PAGE.partition(f'## {title}\n')[2].partition('\n## ')[0]
    found = [line.strip('| ').split(' | ', 1) for line in section.splitlines() if line.startswith('| `')]
    return [(left, right) for left, right in found]


def code(text: str) -> list[str]:
    return re.findall(r'`([^`]+)`', text)


def groups(kind: str) -> list[str]:
    """The names that follow a word such as "service" or "topics"."""
    return [
        name for _, right in rows('Routes') for run in re.findall(rf'\b{kind}s? ((?:`[^`]+`(?:, )?)+)', right)
        for name in code(run)]


def test_every_route_is_there_once() -> None:
    routes = [route for left, _ in rows('Routes') for route in code(left)]
    assert len(set(routes)) == len(routes) == ROUTES


@pytest.mark.parametrize(('kind', 'entries'), [('service', SERVICES), ('action', ACTIONS), ('topic', TOPICS)])
def test_services_actions_and_topics_exist(kind: str, entries: tuple[object, ...]) -> None:
    known = {entry.name for entry in entries}  # type: ignore[attr-defined]
    assert groups(kind)
    assert set(groups(kind)) <= known


def test_parameters_exist() -> None:
    ours = [name for _, right in rows('Configuration keys') for name in code(right)]
    names = groups('parameter') + [name for name in ours if re.fullmatch(r'[a-z0-9_]+(\.[a-z0-9_]+)+', name)]
    for name in names:
        node, _, parameter = name.partition('.')
        assert parameter in NODES[node], name


def test_fields_of_the_status_exist() -> None:
    for _, right in rows('Status event'):
        for name in code(right):
            value = TurretStatus()
            for part in name.split('.'):
                assert hasattr(value, part), name
                value = getattr(value, part)


def test_every_key_is_there() -> None:
    assert {key for left, _ in rows('Configuration keys') for key in code(left)} == set(KNOWN_KEYS)
