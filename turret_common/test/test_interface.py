# SPDX-License-Identifier: Apache-2.0
"""The interface: every field documented, and equal in messages, code and documentation."""

import re
from pathlib import Path

import pytest

from turret_common.interface import ACTIONS, QOS, SERVICES, TOPICS
from turret_common.reason_codes import ReasonCode

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = sorted(path for kind in ('msg', 'srv', 'action') for path in (ROOT / 'turret_msgs' / kind).iterdir())
FIELD = re.compile(r'(?P<type>[\w/]+(\[[^\]]*\])?)\s+(?P<name>[a-z]\w*)\s*(#\s*(?P<text>.*))?$')
UNIT_OR_RANGE = re.compile(
    r'\[[^\]]+\]|0\.\.1|-1\.\.1|0\.\.2|linear|hue|half width|variance|covariance|4x4|relative to')


@pytest.mark.parametrize('path', DEFINITIONS, ids=lambda path: path.name)
def test_every_definition_and_every_field_is_documented(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith('# '), 'begins with a sentence that describes one message'
    for line in lines:
        field = FIELD.match(line)
        if field is None:
            continue
        own_type = field['type'][0].isupper()  # a message of ours speaks for itself
        if not own_type and field['type'] != 'bool' and field['name'] not in ('lease_id', 'name', 'status'):
            assert field['text'], f'{field["name"]} has no comment'
        if field['type'].startswith('float'):
            assert UNIT_OR_RANGE.search(field['text'] or ''), f'{field["name"]} has neither unit nor range'


def test_every_type_of_the_list_is_defined() -> None:
    defined = {f'turret_msgs/{path.parent.name}/{path.stem}' for path in DEFINITIONS}
    used = {entry.type for entry in (*TOPICS, *SERVICES, *ACTIONS) if entry.type.startswith('turret_msgs/')}
    assert used <= defined


def test_names_are_unique_and_qualities_of_service_exist() -> None:
    names = [entry.name for entry in (*TOPICS, *SERVICES, *ACTIONS)]
    assert len(names) == len(set(names))
    assert {topic.qos for topic in TOPICS} <= set(QOS)


def test_reason_codes_are_the_same_in_message_and_code() -> None:
    text = (ROOT / 'turret_msgs' / 'msg' / 'ReasonCode.msg').read_text()
    constants = {name: int(value) for name, value in re.findall(r'^uint16 ([A-Z0-9_]+)=(\d+)', text, re.MULTILINE)}
    assert constants == {code.name: code.value for code in ReasonCode}
