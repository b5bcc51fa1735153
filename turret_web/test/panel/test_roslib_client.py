# SPDX-License-Identifier: Apache-2.0
"""npm's roslib under Node as a client of the gateway's bridge, as used by third-party programs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

PANEL = Path(__file__).parents[2] / 'panel'
CLIENT_S = 60.0
NO_OPERATOR, WRONG_LEASE = 100, 101
SIMULATION = 1


@pytest.fixture(scope='module')
def seen(turret: Any) -> Any:
    """What the client saw."""
    node = shutil.which('node')
    if node is None:
        pytest.skip('there is no Node.js: apt install nodejs')
    if not (PANEL / 'node_modules' / 'roslib').is_dir():
        pytest.skip('roslib is not installed: run npm ci in turret_web/panel')
    bridge = turret.url.replace('http', 'ws') + '/rosbridge'
    client = subprocess.run(
        [node, 'test/roslib_client.mjs', bridge, '/turret'],
        cwd=PANEL, capture_output=True, text=True, timeout=CLIENT_S, check=False)
    assert client.returncode == 0, client.stderr
    return json.loads(client.stdout)


def test_every_status_arrives_in_order(seen: Any) -> None:
    first = seen['sequence'][0]
    assert seen['sequence'] == [first + i for i in range(len(seen['sequence']))]
    assert seen['badge'] == SIMULATION


def test_messages_are_throttled(seen: Any) -> None:
    assert min(seen['throttled_ms']) > 150


def test_cbor_carries_typed_arrays(seen: Any) -> None:
    assert seen['joints'] == ['pan_joint', 'tilt_joint']
    assert seen['cbor_position']['type'] == 'Float64Array'
    assert len(seen['cbor_position']['values']) == 2


def test_the_graph_can_be_asked_for(seen: Any) -> None:
    assert '/turret/safety/stop' in seen['services']


def test_a_refusal_of_the_turret_is_an_answer(seen: Any) -> None:
    answer = seen['refusal']['values']
    assert not answer['success']
    assert answer['code'] in (NO_OPERATOR, WRONG_LEASE)


def test_what_does_not_exist_is_an_error(seen: Any) -> None:
    assert 'such_service' in seen['missing']['error']


def test_what_is_not_allowed_is_reported(seen: Any) -> None:
    assert seen['error']['level'] == 'error'
    assert 'gimbal/command' in seen['error']['msg']


def test_an_action_needs_the_lease_too(seen: Any) -> None:
    ended = seen['home'].get('error') or json.dumps(seen['home']['result'])
    assert str(NO_OPERATOR) in ended or str(WRONG_LEASE) in ended
