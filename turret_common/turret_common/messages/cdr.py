# SPDX-License-Identifier: Apache-2.0
"""CDR, the form of ROS messages on the wire, to and from plain Python values.

:func:`compile_decoder` writes a Python function for one message type, once: runs of numbers become one
:meth:`struct.Struct.unpack_from`, nested messages become literals. Nothing looks at the type again per message.
:func:`compile_encoder` builds the way back out of closures; it checks every value, because those come from outside.

Values are those of the rosbridge protocol: byte arrays are base64 text, a float that is not finite is None once it is
JSON, bytes are integers. In the CBOR flavor byte arrays are bytes and arrays of numbers are typed arrays (RFC 8746).
Alignment counts from the end of the four-byte header. Both byte orders are read; little endian is written.
"""

from __future__ import annotations

import base64
import binascii
import functools
import itertools
import math
import struct
from collections.abc import Callable, Iterable
from typing import Any

from turret_common.errors import TurretError
from turret_common.messages.schema import (
    PRIMITIVES,
    Array,
    FieldType,
    Primitive,
    Sequence,
    Struct,
    Text,
    is_blob,
    type_text,
)
from turret_common.reason_codes import ReasonCode

HEADER = b'\x00\x01\x00\x00'
#: First bytes of a message by its byte order, as :mod:`struct` calls it.
_ENCAPSULATIONS = {b'\x00\x01': '<', b'\x00\x00': '>'}

Decoder = Callable[[bytes], 'dict[str, Any]']
Encoder = Callable[[Any, int], bytes]

#: Tags of typed arrays in CBOR, little endian (RFC 8746).
_TYPED_ARRAY_TAGS = {
    'uint16': 69, 'uint32': 70, 'uint64': 71, 'int8': 72, 'octet': 64, 'int16': 77, 'int32': 78, 'int64': 79,
    'float32': 85, 'float64': 86,
}


class CodecError(TurretError, ValueError):
    """A value does not fit its message type, or bytes are not a message of the type: INVALID_ARGUMENT."""

    def __init__(self, message: str) -> None:
        super().__init__(ReasonCode.INVALID_ARGUMENT, message)


# --- bytes of serialized messages ------------------------------------------------------------------------------------

_STAMP = struct.Struct('<iI')  # of a message that begins with a std_msgs/Header: behind the encapsulation header
_STAMP_AT = len(HEADER)
_STAMP_END = _STAMP_AT + _STAMP.size
_GOAL_ID_SIZE = 16


def stamp_of(data: bytes) -> int:
    """Return the stamp [ns] of a serialized message that begins with a ``std_msgs/Header``.

    Raises:
        CodecError: the data is too short.
    """
    if len(data) < _STAMP_END:
        raise CodecError(f'{len(data)} bytes are too short for a header')
    sec, nanosec = _STAMP.unpack_from(data, _STAMP_AT)
    return int(sec) * 10**9 + int(nanosec)


def with_stamp(data: bytes, stamp_ns: int) -> bytes:
    """Return a serialized message that begins with a ``std_msgs/Header`` with another stamp [ns]."""
    return data[:_STAMP_AT] + _STAMP.pack(*divmod(stamp_ns, 10**9)) + data[_STAMP_END:]


def same_but_stamp(a: bytes, b: bytes) -> bool:
    """Return whether two serialized messages that begin with a ``std_msgs/Header`` differ in nothing but the stamp."""
    return a[_STAMP_END:] == b[_STAMP_END:] and a[:_STAMP_AT] == b[:_STAMP_AT]


def goal_id_of(data: bytes) -> bytes:
    """Return the 16 bytes of the goal id of a serialized feedback message of an action."""
    return data[_STAMP_AT:_STAMP_AT + _GOAL_ID_SIZE]


class Codec:
    """The compiled functions of one message type, each made when first used."""

    def __init__(self, kind: Struct) -> None:
        self.kind = kind

    @functools.cached_property
    def to_json(self) -> Decoder:
        """Serialized bytes to values for JSON."""
        return compile_decoder(self.kind)

    @functools.cached_property
    def to_cbor(self) -> Decoder:
        """Serialized bytes to values for CBOR."""
        return compile_decoder(self.kind, cbor=True)

    def exact(self, data: bytes) -> bytes:
        """Return a serialized message without what follows it.

        ``rclpy.serialization.serialize_message`` returns as many bytes as it had reserved: behind the message there is
        whatever was in that memory before. Raises CodecError.
        """
        return bytes(data[:self._end(data)])

    @functools.cached_property
    def _end(self) -> Callable[[bytes], int]:
        decode = _compiled(self.kind, cbor=True)
        return lambda data: decode(data)[0]

    @functools.cached_property
    def encode(self) -> Encoder:
        """Values to serialized bytes."""
        return compile_encoder(self.kind)


# --- decoding ---------------------------------------------------------------------------------------------------------


def compile_decoder(kind: Struct, *, cbor: bool = False) -> Decoder:
    """Return a function from serialized bytes to a dictionary.

    Args:
        kind: the message type.
        cbor: True for values meant for CBOR, False for JSON.

    Raises:
        CodecError: the type holds a ``wstring``, which is not supported.
    """
    decode = _compiled(kind, cbor)
    return lambda data: decode(data)[1]


def _compiled(kind: Struct, cbor: bool) -> Callable[[bytes], tuple[int, dict[str, Any]]]:
    """Return a function from serialized bytes to where the message ends and its values."""
    decoders = {'<': _generated(kind, cbor, '<')}

    def checked(data: bytes) -> tuple[int, dict[str, Any]]:
        order = _ENCAPSULATIONS.get(bytes(data[:2]))
        if order is None:
            raise CodecError(f'{kind.name}: encapsulation {bytes(data[:2]).hex()} is not plain CDR')
        if order not in decoders:
            decoders[order] = _generated(kind, cbor, order)
        try:
            end, value = decoders[order](data)
        except (struct.error, ValueError, TypeError, MemoryError, OverflowError) as error:
            raise CodecError(f'{kind.name}: {error}') from error
        if end > len(data):
            raise CodecError(f'{kind.name}: {len(data)} bytes are too short')
        return end, value
    return checked


def _generated(kind: Struct, cbor: bool, order: str) -> Callable[[bytes], tuple[int, dict[str, Any]]]:
    """Return the generated function for one byte order, without checks of what surrounds the message."""
    source = _DecoderSource(cbor, order)
    result = source.message(kind)
    body = '\n'.join(source.lines)
    code = f'def decode(b):\n p = 4\n{body}\n return p, {result}\n'
    namespace: dict[str, Any] = dict(source.constants)
    exec(compile(code, f'<decoder of {kind.name}>', 'exec'), namespace)
    decode: Callable[[bytes], tuple[int, dict[str, Any]]] = namespace['decode']
    return decode


class _DecoderSource:
    """The growing text of one decoder. ``p`` is the position in the bytes ``b``."""

    def __init__(self, cbor: bool, order: str) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._cbor = cbor
        self._order = order
        self._names = (f'v{i}' for i in itertools.count())
        self._indent = 1
        self._aligned = 8  # p is known to be a multiple of this, counted from the end of the header, plus _offset
        self._offset = 0
        self._run = order
        self._run_size = 0
        self._run_names: list[str] = []
        self._unpackers: dict[str, str] = {}

    def message(self, kind: Struct) -> str:
        """Emit the reading of a whole message; return the expression of its value."""
        value = self.struct(kind)
        self._flush()
        return value

    def struct(self, kind: Struct) -> str:
        """Emit the reading of a structure, whose last numbers may still be pending; return its expression."""
        if not kind.fields:
            self._scalar('uint8')  # an empty structure has one byte on the wire
        values = [f'{field.name!r}: {self._value(field.type)}' for field in kind.fields]
        return '{' + ', '.join(values) + '}'

    def _value(self, kind: FieldType) -> str:
        if isinstance(kind, Primitive):
            return self._scalar(kind.name)
        if isinstance(kind, Struct):
            return self.struct(kind)
        if isinstance(kind, Text):
            return self._text(kind)
        if isinstance(kind, Array) and isinstance(kind.element, Primitive) and kind.size <= 16 and not (
                self._cbor or is_blob(kind)):
            return '[' + ', '.join([self._scalar(kind.element.name) for _ in range(kind.size)]) + ']'
        return self._elements(kind)

    def _text(self, kind: Text) -> str:
        if kind.wide:
            raise CodecError('wstring is not supported')
        size, name = self._scalar('uint32'), next(self._names)
        self._flush()
        self._emit(f'{name} = b[p:p + {size} - 1].decode("utf-8", "replace"); p += {size}')
        self._forget()
        return name

    def _elements(self, kind: Array | Sequence) -> str:
        count = str(kind.size) if isinstance(kind, Array) else self._scalar('uint32')
        self._flush()
        name = next(self._names)
        if isinstance(kind.element, Primitive):
            self._numbers(kind, kind.element.name, count, name)
        else:
            self._loop(kind.element, count, name)
        self._forget()
        return name

    def _numbers(self, kind: Array | Sequence, element: str, count: str, name: str) -> None:
        size, letter = PRIMITIVES[element]
        if size > 1:
            self._emit(f'if {count}:')
            self._emit(f' {_aligning(size)}')
        end = f'p + {count}' if size == 1 else f'p + {size} * {count}'
        raw = f'b[p:{end}]'
        if is_blob(kind):
            self.constants['base64'] = binascii.b2a_base64
            value = raw if self._cbor else f"base64({raw}, newline=False).decode('ascii')"
        elif self._order == '>' and size > 1:
            self.constants['unpack'] = struct.unpack
            value = f"list(unpack(f'>{{{count}}}{letter}', {raw}))"
        elif self._cbor and element in _TYPED_ARRAY_TAGS:
            self.constants['tagged'] = _tagged
            value = f'tagged({_TYPED_ARRAY_TAGS[element]}, {raw})'
        else:
            value = f'memoryview({raw}).cast({letter!r}).tolist()'
        self._emit(f'{name} = {value}; p = {end}')

    def _loop(self, element: FieldType, count: str, name: str) -> None:
        self._emit(f'{name} = []')
        self._emit(f'for _ in range({count}):')
        self._indent += 1
        self._forget()
        value = self._value(element)
        self._flush()
        self._emit(f'{name}.append({value})')
        self._indent -= 1

    def _scalar(self, kind: str) -> str:
        """Add one number to the current run of numbers; return the name that its value will have."""
        size, letter = PRIMITIVES[kind]
        if size > self._aligned:  # the padding before it is not known here
            self._flush()
            self._emit(_aligning(size))
            self._aligned, self._offset = size, 0
        padding = -self._offset % size
        self._run += 'x' * padding + letter
        self._run_size += padding + size
        self._offset += padding + size
        name = next(self._names)
        self._run_names.append(name)
        return name

    def _flush(self) -> None:
        """Emit the reading of the run of numbers collected so far."""
        if not self._run_names:
            return
        unpack = self._unpackers.setdefault(self._run, f's{len(self._unpackers)}')
        self.constants[unpack] = struct.Struct(self._run).unpack_from
        self._emit(f'{", ".join(self._run_names)}, = {unpack}(b, p); p += {self._run_size}')
        self._run, self._run_size, self._run_names = self._order, 0, []

    def _forget(self) -> None:
        """Know nothing about the alignment of ``p`` from here on."""
        self._aligned, self._offset = 1, 0

    def _emit(self, line: str) -> None:
        self.lines.append(' ' * self._indent + line)


def _aligning(size: int) -> str:
    """Return the statement that moves ``p`` up to the next multiple of ``size``, counted from byte 4."""
    return f'p = (p + {size - 5} & -{size}) + 4' if size == 8 else f'p = p + {size - 1} & -{size}'


def _tagged(tag: int, data: bytes) -> Any:
    from cbor2 import CBORTag
    return CBORTag(tag, data)


# --- encoding ---------------------------------------------------------------------------------------------------------


class _Writer:
    """Bytes of one message in the making."""

    def __init__(self, now_ns: int) -> None:
        self.data = bytearray(HEADER)
        self.now_ns = now_ns

    def align(self, size: int) -> None:
        self.data += bytes(-(len(self.data) - 4) % size)

    def count(self, value: int) -> None:
        self.align(4)
        self.data += value.to_bytes(4, 'little')


_Write = Callable[[_Writer, Any, str], None]


def compile_encoder(kind: Struct) -> Encoder:
    """Return a function from a dictionary and the time [ns since 1970] to serialized bytes.

    Fields that are left out have their defaults; the stamp of a ``std_msgs/Header`` that has none, and a time that is
    the text ``now``, become the given time. ``secs`` and ``nsecs`` are understood as in ROS 1. The function raises
    :class:`CodecError`, with the path of the field, for an unknown field, a wrong type, a number out of range or a
    length that is not allowed.
    """
    write = _struct_writer(kind)

    def encode(value: Any, now_ns: int) -> bytes:
        writer = _Writer(now_ns)
        write(writer, value, '')
        return bytes(writer.data)
    return encode


def _field_writer(kind: FieldType) -> _Write:
    if isinstance(kind, Primitive):
        return _number_writer(kind)
    if isinstance(kind, Text):
        return _text_writer(kind)
    if isinstance(kind, Struct):
        return _struct_writer(kind)
    return _elements_writer(kind)


def _struct_writer(kind: Struct) -> _Write:
    fields = {field.name: (_field_writer(field.type), field.default) for field in kind.fields}
    is_time = kind.name in ('builtin_interfaces/msg/Time', 'builtin_interfaces/msg/Duration')
    stamp = {'stamp': 'now'} if kind.name == 'std_msgs/msg/Header' else {}

    def write(writer: _Writer, value: Any, path: str) -> None:
        if is_time:
            value = _time_value(value, writer.now_ns)
        if not isinstance(value, dict):
            raise _mismatch(path, kind, value)
        for name in value:
            if name not in fields:
                raise CodecError(
                    f'{_join(path, name)}: {kind.name} has no such field; it has {", ".join(fields) or "none"}')
        if not fields:
            writer.data.append(0)
        for name, (write_field, default) in fields.items():
            if name in value:
                write_field(writer, value[name], _join(path, name))
            else:
                write_field(writer, stamp.get(name, default), _join(path, name))
    return write


def _time_value(value: Any, now_ns: int) -> Any:
    if value == 'now':
        return {'sec': now_ns // 10**9, 'nanosec': now_ns % 10**9}
    if isinstance(value, dict) and ('secs' in value or 'nsecs' in value):
        return {{'secs': 'sec', 'nsecs': 'nanosec'}.get(name, name): part for name, part in value.items()}
    return value


def _number_writer(kind: Primitive) -> _Write:
    size, letter = PRIMITIVES[kind.name]
    pack = struct.Struct(f'<{letter}').pack
    convert = _number_check(kind)

    def write(writer: _Writer, value: Any, path: str) -> None:
        number = convert(value, path)
        writer.align(size)
        writer.data += pack(number)
    return write


def _number_check(kind: Primitive) -> Callable[[Any, str], Any]:
    """Return a function of a value and its path that returns the value to pack, or raises :class:`CodecError`."""
    if kind.name == 'bool':
        return functools.partial(_checked_bool, kind)
    if kind.name.startswith('float'):
        return functools.partial(_checked_float, kind, 3.4028235677973366e38 if kind.name == 'float32' else math.inf)
    bits = 8 * PRIMITIVES[kind.name][0]
    limits = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.name.startswith('int') else (0, 2**bits - 1)
    return functools.partial(_checked_int, kind, *limits)


def _checked_bool(kind: Primitive, value: Any, path: str) -> bool:
    if value is True or value is False:
        return bool(value)
    raise _mismatch(path, kind, value)


def _checked_float(kind: Primitive, limit: float, value: Any, path: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(path, kind, value)
    try:
        number = float(value)
    except OverflowError:
        raise _out_of_range(path, kind, value) from None
    if math.isfinite(number) and abs(number) >= limit:
        raise _out_of_range(path, kind, value)
    return number


def _checked_int(kind: Primitive, lower: int, upper: int, value: Any, path: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mismatch(path, kind, value)
    if not lower <= value <= upper:
        raise _out_of_range(path, kind, value)
    return value


def _text_writer(kind: Text) -> _Write:
    if kind.wide:
        raise CodecError('wstring is not supported')

    def write(writer: _Writer, value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise _mismatch(path, kind, value)
        if kind.limit is not None and len(value) > kind.limit:
            raise CodecError(f'{path}: {len(value)} characters, at most {kind.limit} are allowed')
        if '\0' in value:
            raise CodecError(f'{path}: a zero character is not allowed')
        try:
            data = value.encode()
        except UnicodeEncodeError:
            raise CodecError(f'{path}: not valid Unicode') from None
        writer.count(len(data) + 1)
        writer.data += data + b'\0'
    return write


def _elements_writer(kind: Array | Sequence) -> _Write:
    write_all = _numbers_writer(kind.element) if isinstance(kind.element, Primitive) else _objects_writer(kind.element)
    bytes_allowed = isinstance(kind.element, Primitive) and PRIMITIVES[kind.element.name] == (1, 'B')

    def write(writer: _Writer, value: Any, path: str) -> None:
        if bytes_allowed and isinstance(value, (str, bytes)):
            value = _blob(value, path)
        elif not isinstance(value, (list, tuple)):
            raise _mismatch(path, kind, value)
        if isinstance(kind, Array):
            if len(value) != kind.size:
                raise CodecError(f'{path}: {len(value)} elements instead of {kind.size}')
        else:
            if kind.limit is not None and len(value) > kind.limit:
                raise CodecError(f'{path}: {len(value)} elements, at most {kind.limit} are allowed')
            writer.count(len(value))
        write_all(writer, value, path)
    return write


def _blob(value: str | bytes, path: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError(f'{path}: not base64: {error}') from None


def _numbers_writer(kind: Primitive) -> _Write:
    size, letter = PRIMITIVES[kind.name]
    check = _number_check(kind)

    def write(writer: _Writer, values: Any, path: str) -> None:
        if not values:
            return
        writer.align(size)
        if isinstance(values, bytes):
            writer.data += values
        else:
            numbers: Iterable[Any] = (check(value, f'{path}[{i}]') for i, value in enumerate(values))
            writer.data += struct.pack(f'<{len(values)}{letter}', *numbers)
    return write


def _objects_writer(kind: FieldType) -> _Write:
    write_one = _field_writer(kind)

    def write(writer: _Writer, values: Any, path: str) -> None:
        for i, value in enumerate(values):
            write_one(writer, value, f'{path}[{i}]')
    return write


def _join(path: str, name: object) -> str:
    return f'{path}.{name}' if path else str(name)


def _mismatch(path: str, kind: FieldType, value: Any) -> CodecError:
    words = {dict: 'an object', list: 'a list', str: 'a string', bool: 'a boolean', type(None): 'null'}
    got = words.get(type(value)) or str(value)
    return CodecError(f'{path or "message"}: expected {type_text(kind)}, got {got}')


def _out_of_range(path: str, kind: Primitive, value: Any) -> CodecError:
    return CodecError(f'{path}: {value} does not fit {kind.name}')
