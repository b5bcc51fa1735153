# SPDX-License-Identifier: Apache-2.0
"""What the layouts of rviz, rqt, Foxglove and PlotJuggler show exists, in any namespace."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from turret_bringup.settings.graph import GRAPH
from turret_bringup.settings.viewer_files import adapted, viewer_file
from turret_common.interface import TOPICS

FILES = (
    'turret.rviz', 'turret.perspective', 'turret.foxglove.json', 'bag.foxglove.json', 'bag.plotjuggler.xml')
#: Published by robot_state_publisher.
OTHERS = {'/left/robot_description'}
ROOT = Path(__file__).parents[3]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield from strings(ast.literal_eval(value)) if value.startswith('[') else (value.strip("'"),)


def names(file: str) -> set[str]:
    text = viewer_file(file, 'left')
    if file.endswith('xml'):
        return {curve.attrib['name'] for curve in ElementTree.fromstring(text).iter('curve')}
    document = yaml.safe_load(text) if file.endswith('rviz') else json.loads(text)
    return {text for text in strings(document) if text.startswith('/left/')}


def fields(kind: str) -> dict[str, str]:
    package, _, name = kind.rpartition('/')
    assert package.startswith('turret_msgs')
    lines = (ROOT / 'turret_msgs' / 'msg' / f'{name}.msg').read_text().splitlines()
    parts = [line.partition('#')[0].split() for line in lines]
    return {part[1]: part[0] for part in parts if len(part) == 2}


@pytest.mark.parametrize('file', FILES)
def test_every_topic_and_field_exists(file: str) -> None:
    types = {f'/left/{topic.name}': topic.type for topic in TOPICS}
    nodes = {f'/left/{spec.name}' for spec in GRAPH}
    for name in names(file) - OTHERS - nodes:
        topic = max((known for known in types if name.startswith(known)), key=len, default='')
        assert topic, f'{file} names {name}'
        kind = types[topic]
        for field in name[len(topic):].replace('.', '/').split('/')[1:]:
            assert field in fields(kind), f'{file} names {name}'
            kind = f'turret_msgs/{fields(kind)[field]}'


@pytest.mark.parametrize('file', FILES)
def test_nothing_of_the_default_turret_is_left_for_another_one(file: str, tmp_path: Path) -> None:
    text = adapted(file, tmp_path, 'left', 'left/').read_text()
    assert '/turret/' not in text
    assert '"base_link"' not in text
    assert ': base_link' not in text


def test_rviz_has_the_frames_of_the_prefix() -> None:
    document = yaml.safe_load(viewer_file('turret.rviz', 'left', 'left/'))['Visualization Manager']
    assert document['Global Options']['Fixed Frame'] == 'left/base_link'
    model = next(d for d in document['Displays'] if d['Class'].endswith('RobotModel'))
    assert model['TF Prefix'] == 'left'
