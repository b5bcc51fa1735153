# SPDX-License-Identifier: Apache-2.0
"""Conversion of serialized messages to values and back, against bytes written by hand."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turret_common.messages.cdr import Codec, CodecError, compile_decoder, compile_encoder
from turret_common.messages.schema import PRIMITIVES, Array, Field, FieldType, Primitive, Sequence, Struct, Text

HEADER = bytes.fromhex('00010000')
TIME = Struct('builtin_interfaces/msg/Time', (
    Field('sec', Primitive('int32'), 0), Field('nanosec', Primitive('uint32'), 0)))
STAMPED = Struct('std_msgs/msg/Header', (Field('stamp', TIME, {}), Field('frame_id', Text(), '')))


def message(*types: FieldType) -> Struct:
    """A message type with the fields a, b, c, ..."""
    return Struct('demo_msgs/msg/Demo', tuple(
        Field(chr(ord('a') + number), kind, None) for number, kind in enumerate(types)))


def decode(kind: Struct, body: str, cbor: bool = False) -> list[Any]:
    return list(compile_decoder(kind, cbor=cbor)(HEADER + bytes.fromhex(body)).values())


def encode(kind: Struct, *values: Any) -> str:
    named = {field.name: value for field, value in zip(kind.fields, values, strict=True)}
    data = compile_encoder(kind)(named, 0)
    assert data[:4] == HEADER
    return data[4:].hex()


CASES = [
    # Each number begins at a multiple of its size, counted from the end of the header.
    (message(Primitive('uint8'), Primitive('float64'), Primitive('uint16'), Primitive('uint32')),
     '01' '00000000000000' '000000000000f83f' '0200' '0000' '03000000', [1, 1.5, 2, 3]),
    # After a string nothing is known about the position.
    (message(Text(), Primitive('float64')), '02000000' '6100' '0000' '000000000000f03f', ['a', 1.0]),
    (message(Text(), Primitive('float64')), '01000000' '00' '000000' '000000000000f03f', ['', 1.0]),
    (message(Text(), Primitive('uint8'), Text()), '03000000' 'c3a900' '07' '02000000' '6200', ['é', 7, 'b']),
    # The elements of an empty sequence leave no padding behind.
    (message(Primitive('uint8'), Sequence(Primitive('float64')), Primitive('uint8')),
     '01' '000000' '00000000' '02', [1, [], 2]),
    (message(Sequence(Primitive('float64')), Primitive('uint8')),
     '01000000' '00000000' '000000000000f03f' '02', [[1.0], 2]),
    (message(Sequence(Primitive('int16'))), '02000000' 'ffff' '0200', [[-1, 2]]),
    (message(Array(Primitive('float32'), 2)), '0000803f' '00000040', [[1.0, 2.0]]),
    (message(Primitive('bool'), Array(Primitive('int32'), 20)), '01' '000000' + '05000000' * 20, [True, [5] * 20]),
    (message(Sequence(Primitive('bool'))), '02000000' '0100', [[True, False]]),
    (message(Sequence(Text())), '02000000' '02000000' '6100' '0000' '01000000' '00', [['a', '']]),
    (message(Sequence(TIME), Primitive('uint8')),
     '02000000' '01000000' '02000000' 'ffffffff' '03000000' '09',
     [[{'sec': 1, 'nanosec': 2}, {'sec': -1, 'nanosec': 3}], 9]),
    (message(STAMPED, Primitive('float64')),
     '01000000' '02000000' '02000000' '6100' '0000' '000000000000f03f',
     [{'stamp': {'sec': 1, 'nanosec': 2}, 'frame_id': 'a'}, 1.0]),
    # A message without fields has one byte.
    (message(Struct('std_msgs/msg/Empty', ()), Primitive('uint8')), '00' '07', [{}, 7]),
    (message(Sequence(Struct('std_msgs/msg/Empty', ()))), '02000000' '0000', [[{}, {}]]),
    # 64-bit numbers stay whole.
    (message(Primitive('uint64'), Primitive('int64')), 'ff' * 8 + '00' * 7 + '80', [2**64 - 1, -(2**63)]),
    # Bytes are base64, bounded ones are not, as in rosbridge.
    (message(Sequence(Primitive('uint8'))), '03000000' '010203', ['AQID']),
    (message(Array(Primitive('uint8'), 4)), '01020304', ['AQIDBA==']),
    (message(Sequence(Primitive('uint8'), 9)), '03000000' '010203', [[1, 2, 3]]),
    (message(Sequence(Primitive('octet'))), '02000000' '00ff', [[0, 255]]),
]


@pytest.mark.parametrize(('kind', 'body', 'values'), CASES)
def test_decodes_and_encodes(kind: Struct, body: str, values: list[Any]) -> None:
    assert decode(kind, body) == values
    assert encode(kind, *values) == body


def test_arrays_of_numbers_are_typed_in_cbor() -> None:
    kind = message(Sequence(Primitive('float32')), Sequence(Primitive('uint8')), Array(Primitive('int16'), 1))
    values = decode(kind, '01000000' '0000803f' '02000000' '0102' 'ffff', cbor=True)
    assert values == [cbor2.CBORTag(85, bytes.fromhex('0000803f')), b'\x01\x02', cbor2.CBORTag(77, b'\xff\xff')]


@pytest.mark.parametrize('body', [
    '', '05000000', '05000000' '6162', '05000000' '61626364', 'ffffffff', '00010000'])
def test_invalid_bytes_are_refused(body: str) -> None:
    with pytest.raises(CodecError):
        decode(message(Text(), Sequence(Primitive('float64')), Sequence(TIME)), body)


def test_text_that_is_not_utf_8_arrives_with_replacement_characters() -> None:
    kind = message(Text(), Sequence(Text()))
    body = '04000000' '32b04300' '01000000' '03000000' 'fffe00'
    for cbor in (False, True):
        assert decode(kind, body, cbor) == ['2\N{REPLACEMENT CHARACTER}C', ['\N{REPLACEMENT CHARACTER}' * 2]]


@pytest.mark.parametrize('cbor', [False, True])
def test_both_byte_orders_are_read(cbor: bool) -> None:
    kind = message(Primitive('uint8'), Primitive('uint32'), Text(), Sequence(Primitive('float64')))
    body = bytes.fromhex('07000000' '00000102' '00000003' '61620000' '00000001' '00000000' '3ff8000000000000')
    values = list(compile_decoder(kind, cbor=cbor)(b'\0\0\0\0' + body).values())
    assert values == [7, 258, 'ab', [1.5]]


def test_other_encapsulations_are_refused() -> None:
    with pytest.raises(CodecError, match='plain CDR'):
        compile_decoder(message(Primitive('uint8')))(bytes.fromhex('0003000001'))


def test_what_follows_a_message_is_cut_off() -> None:
    codec = Codec(message(Text(), Primitive('float64')))
    data = codec.encode({'a': 'abc', 'b': 1.0}, 0)
    assert codec.exact(data + b'old memory') == data


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_raise_codec_errors_only(body: bytes) -> None:
    kind = message(Text(), Sequence(STAMPED), Sequence(Primitive('float64')), Sequence(Primitive('uint8')),
                   Array(TIME, 2), Primitive('bool'))
    with suppress(CodecError):
        compile_decoder(kind)(HEADER + body)


def test_omitted_fields_have_their_defaults() -> None:
    kind = Struct('demo_msgs/msg/Demo', (
        Field('w', Primitive('float64'), 1.0), Field('header', STAMPED, {}), Field('names', Sequence(Text()), ['x'])))
    data = compile_encoder(kind)({}, 5 * 10**9 + 6)
    assert compile_decoder(kind)(data) == {
        'w': 1.0, 'header': {'stamp': {'sec': 5, 'nanosec': 6}, 'frame_id': ''}, 'names': ['x']}


def test_times_may_be_now_or_named_as_in_ros_1() -> None:
    def times(value: Any) -> Any:
        return compile_decoder(TIME)(compile_encoder(TIME)(value, 7 * 10**9 + 8))
    assert times('now') == {'sec': 7, 'nanosec': 8}
    assert times({'secs': 1, 'nsecs': 2}) == {'sec': 1, 'nanosec': 2}
    assert times({'sec': 1}) == {'sec': 1, 'nanosec': 0}


@pytest.mark.parametrize(('kind', 'value', 'text'), [
    (Primitive('uint8'), 256, 'a: 256 does not fit uint8'),
    (Primitive('uint8'), -1, 'a: -1 does not fit uint8'),
    (Primitive('int8'), 1.5, 'a: expected int8, got 1.5'),
    (Primitive('int8'), True, 'a: expected int8, got a boolean'),
    (Primitive('bool'), 1, 'a: expected bool, got 1'),
    (Primitive('float32'), 1e39, r'a: 1e\+39 does not fit float32'),
    (Primitive('float64'), 10**400, 'does not fit float64'),
    (Primitive('float64'), '1', 'a: expected float64, got a string'),
    (Text(), 1, 'a: expected string, got 1'),
    (Text(3), 'abcd', 'a: 4 characters, at most 3 are allowed'),
    (Text(), 'a\0b', 'a: a zero character is not allowed'),
    (Text(), '\ud800', 'a: not valid Unicode'),
    (Array(Primitive('int8'), 2), [1], 'a: 1 elements instead of 2'),
    (Array(Primitive('uint8'), 2), 'AQ==', 'a: 1 elements instead of 2'),
    (Sequence(Primitive('int8'), 1), [1, 2], 'a: 2 elements, at most 1 are allowed'),
    (Sequence(Primitive('int8')), [1, 'x'], r'a\[1\]: expected int8, got a string'),
    (Sequence(Primitive('uint8')), '***', 'a: not base64'),
    (Sequence(Primitive('int8')), 'AQ==', r'a: expected int8\[\], got a string'),
    (Sequence(TIME), [{}, {'sec': 'x'}], r'a\[1\]\.sec: expected int32, got a string'),
    (TIME, {'hour': 1}, 'a.hour: builtin_interfaces/msg/Time has no such field; it has sec, nanosec'),
    (TIME, [1], 'a: expected builtin_interfaces/msg/Time, got a list'),
    (TIME, None, 'got null'),
])
def test_a_wrong_value_is_refused_with_its_path(kind: FieldType, value: Any, text: str) -> None:
    with pytest.raises(CodecError, match=text):
        encode(message(kind), value)


def test_values_that_json_writes_differently_are_accepted() -> None:
    assert encode(message(Primitive('float32')), 1) == '0000803f'
    assert encode(message(Primitive('uint8')), 2.0) == '02'
    assert encode(message(Sequence(Primitive('uint8'))), [1, 2]) == '02000000' '0102'
    assert math.isnan(decode(message(Primitive('float64')), encode(message(Primitive('float64')), None))[0])


def test_wide_strings_are_refused_when_the_type_is_compiled() -> None:
    with pytest.raises(CodecError, match='wstring'):
        compile_decoder(message(Text(wide=True)))
    with pytest.raises(CodecError, match='wstring'):
        compile_encoder(message(Text(wide=True)))


def values_of(kind: FieldType) -> st.SearchStrategy[Any]:
    """Values of a type, as JSON has them."""
    if isinstance(kind, Primitive):
        size, _ = PRIMITIVES[kind.name]
        if kind.name == 'bool':
            return st.booleans()
        if kind.name.startswith('float'):
            return st.floats(allow_nan=False, width=8 * size)
        low, high = (-(2**(8 * size - 1)), 2**(8 * size - 1) - 1) if kind.name[0] == 'i' else (0, 2**(8 * size) - 1)
        return st.integers(low, high)
    if isinstance(kind, Text):
        characters = st.characters(min_codepoint=1, max_codepoint=0xD7FF) | st.characters(min_codepoint=0xE000)
        return st.text(characters, max_size=5)  # without surrogates
    if isinstance(kind, Struct):
        return st.fixed_dictionaries({field.name: values_of(field.type) for field in kind.fields})
    sizes = (kind.size, kind.size) if isinstance(kind, Array) else (0, 4)
    return st.lists(values_of(kind.element), min_size=sizes[0], max_size=sizes[1])


primitives = st.sampled_from([name for name in PRIMITIVES if name not in ('uint8', 'char')]).map(Primitive)
types = st.recursive(
    st.one_of(primitives, st.just(Text())),
    lambda inner: st.one_of(
        st.builds(Sequence, inner), st.builds(Array, inner, st.integers(1, 20)),
        st.lists(inner, max_size=4).map(lambda kinds: message(*kinds))),
    max_leaves=8)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_encode_and_decode_every_type(data: st.DataObject) -> None:
    kind = message(*data.draw(st.lists(types, max_size=5)))
    values = data.draw(values_of(kind))
    encoded = compile_encoder(kind)(values, 0)
    assert compile_decoder(kind)(encoded) == values
    if struct.calcsize('P') and kind.fields:
        with pytest.raises(CodecError):
            compile_decoder(kind)(encoded[:3])
