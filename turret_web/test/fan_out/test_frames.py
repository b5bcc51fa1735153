# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames, compression, fragments and the allowance."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.errors import TurretError
from turret_web.fan_out.encodings import fragments
from turret_web.fan_out.frames import BINARY, Deflater, frame
from turret_web.rosbridge.limits import Allowance, parse_json
from turret_web.web_parameters import LimitParameters


@pytest.mark.parametrize(('size', 'header'), [
    (0, '8100'), (125, '817d'), (126, '817e007e'), (65535, '817effff'), (65536, '817f0000000000010000')])
def test_frame_headers_of_every_length(size: int, header: str) -> None:
    assert frame(bytes(size)) == bytes.fromhex(header) + bytes(size)


def test_opcode_and_compression_are_in_the_first_byte() -> None:
    assert frame(b'a', BINARY)[0] == 0x82
    assert frame(b'a', compressed=True)[0] == 0xc1


def test_deflated_messages_use_what_was_sent_before() -> None:
    deflater, inflater = Deflater(15), zlib.decompressobj(-15)
    payload = json.dumps({f'field_{number}': number / 7 for number in range(60)}).encode()
    sizes = []
    for _ in range(3):
        wire = deflater.text_frame(payload)
        assert wire[0] == 0xc1
        body = wire[2 if wire[1] < 126 else 4:]
        assert inflater.decompress(body + b'\x00\x00\xff\xff') == payload
        sizes.append(len(wire))
    assert sizes[2] < sizes[0] / 10


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=300), st.integers(16, 100))
def test_fragments_join_to_the_whole(text: str, size: int) -> None:
    payload = json.dumps({'op': 'publish', 'text': text}, ensure_ascii=False).encode(errors='replace')
    parts = list(fragments(payload, size, 'x'))
    if len(payload.decode()) <= size:
        assert parts == [payload]
        return
    read = [json.loads(part) for part in parts]
    assert ''.join(part['data'] for part in read).encode() == payload
    assert [part['num'] for part in read] == list(range(len(parts)))
    assert {(part['op'], part['id'], part['total']) for part in read} == {('fragment', 'x', len(parts))}
    assert max(len(part['data']) for part in read) <= size


def test_an_allowance_lets_bursts_pass_and_slows_the_rest() -> None:
    allowance = Allowance(10.0)
    assert [allowance.spend(0.0) for _ in range(10)] == [0.0] * 10
    assert allowance.spend(0.0) == pytest.approx(0.1)
    assert allowance.spend(0.0) == pytest.approx(0.2)
    assert allowance.spend(1.0) == 0.0
    assert [allowance.spend(100.0) for _ in range(10)] == [0.0] * 10
    assert allowance.spend(100.0) > 0.0


def test_json_is_refused_by_depth_and_by_number_of_containers() -> None:
    limits = replace(LimitParameters(), json_depth=3)
    assert parse_json('{"a": [1, 2]}', limits) == {'a': [1, 2]}
    assert parse_json(b'3', limits) == 3
    with pytest.raises(TurretError, match='deeper than 3'):
        parse_json('{"a": [1, {"b": []}]}', limits)
    assert len(parse_json(str([0] * 100_000), limits)) == 100_000
    with pytest.raises(TurretError, match='more than 10000 arrays and objects'):
        parse_json('[' + '[],' * 300_000 + '[]]', limits)
    with pytest.raises(TurretError, match='not valid JSON'):
        parse_json('{', limits)
