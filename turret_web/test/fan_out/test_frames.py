# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames, compression, fragments and the allowance."""

from __future__ import annotations

import itertools
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import client_frame

from turret_common.errors import TurretError
from turret_web.fan_out.encodings import fragments
from turret_web.fan_out.frames import (
    BINARY,
    PROTOCOL_ERROR,
    TOO_BIG,
    ClientFrames,
    Deflater,
    FrameError,
    frame,
)
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


def test_a_client_without_window_can_inflate_each_message_alone() -> None:
    deflater = Deflater(15, client_keeps_window=False)
    for _ in range(3):
        wire = deflater.text_frame(b'always the same ' * 40)
        assert zlib.decompressobj(-15).decompress(wire[2:] + b'\x00\x00\xff\xff') == b'always the same ' * 40


#: Messages in fragments with control frames between them: final, opcode, size of the payload.
_MESSAGES = st.lists(st.sampled_from((
    ((True, 1, 0),), ((True, 2, 125),), ((True, 1, 126),), ((True, 2, 1000),), ((True, 9, 5),), ((True, 10, 0),),
    ((False, 1, 0), (True, 9, 3), (False, 0, 500), (True, 0, 500)), ((False, 2, 1), (True, 0, 0)))), max_size=5)


def _client_frames(messages: list[tuple[tuple[bool, int, int], ...]]) -> bytes:
    return b''.join(
        client_frame(opcode, bytes(size), final=final) for message in messages for final, opcode, size in message)


def _check(frames: ClientFrames, data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        while start < end:
            start += frames.check(data[start:end], 2)


@settings(deadline=None, max_examples=200)
@given(_MESSAGES, st.lists(st.integers(0, 5000), max_size=20))
def test_right_frames_pass_however_they_arrive(messages: list[Any], cuts: list[int]) -> None:
    _check(ClientFrames(1000), _client_frames(messages), cuts)


@settings(deadline=None, max_examples=200)
@given(_MESSAGES, st.lists(st.integers(0, 5000), max_size=20), st.sampled_from((
    (PROTOCOL_ERROR, client_frame(1, b'a', masked=False)), (PROTOCOL_ERROR, client_frame(9, masked=False)),
    (PROTOCOL_ERROR, client_frame(0, b'a')), (PROTOCOL_ERROR, client_frame(1, b'', final=False) + client_frame(1)),
    (TOO_BIG, client_frame(1, bytes(1001))), (TOO_BIG, b'\x82\xff' + (2**62).to_bytes(8, 'big') + bytes(4)),
    (TOO_BIG, client_frame(1, bytes(900), final=False) + client_frame(0, bytes(101), final=False)))))
def test_a_wrong_frame_is_found_however_it_arrives(
        messages: list[Any], cuts: list[int], wrong: tuple[int, bytes]) -> None:
    code, data = wrong
    with pytest.raises(FrameError) as caught:
        _check(ClientFrames(1000), _client_frames(messages) + data, cuts)
    assert caught.value.code == code


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
