# SPDX-License-Identifier: Apache-2.0
"""Malformed input: names with an allowed beginning, types of another kind, headers that are not text."""

from __future__ import annotations

import json
import random
from typing import Any

from web_testing import ADD, COUNT

OPERATIONS = (
    'subscribe', 'unsubscribe', 'advertise', 'unadvertise', 'publish', 'call_service', 'advertise_service',
    'unadvertise_service', 'service_response', 'send_action_goal', 'cancel_action_goal', 'advertise_action',
    'unadvertise_action', 'action_feedback', 'action_result', 'set_level', 'fragment', 'png', 'status', 'auth', '')
#: Names with an allowed beginning that break the grammar of ROS, each in another way.
BAD_NAMES = tuple(f'/turret/camera/{end}' for end in (
    'a b', '1x', 'x/', '/x', '{x}', 'x\0', 'x\0/state', '\u2603', 'a' * 300, '', '~x', 'x#1', '-', '\x7f', '..', '%00'))
NAMES = ('/turret/vision/note', '/turret/status', *BAD_NAMES,
         '/turret/controller/fire_request\0/state', '/turret/demo/count\0',
         '/turret/demo/ add', 'turret/vision/note', '/turret/demo/add', '/turret/demo/count', '/', '', '//',
         '/rosapi/topics',
         '/rosapi/get_param', '/rosapi/publishers', '/rosapi/node_details', '/rosapi/message_details',
         '/rosapi/set_param', '/rosapi/service_request_details', '/rosapi/topic_type', '/rosapi/service_node',
         '/turret/camera/set_parameters', '*', '/turret/\u2603', 'a' * 300)
TYPES = ('demo_msgs/Note', 'demo_msgs/msg/Note', ADD, COUNT, 'std_msgs/Header', 'x', '', 'os/path', '../../etc/passwd',
         f'{COUNT}_SendGoal', f'{COUNT}_Goal',
         f'{COUNT}_FeedbackMessage', 'demo_msgs/Note\0', 'demo_msgs/srv/', 'demo_msgs//Note', 'D/e', 'a/B' * 200)
KEYS = ('op', 'id', 'topic', 'type', 'service', 'action', 'action_type', 'args', 'msg', 'values', 'result', 'status',
        'level', 'compression', 'throttle_rate', 'queue_length', 'fragment_size', 'num', 'total', 'data', 'latch',
        'feedback', 'timeout')
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64 - 1, 1.5, -0.0, 1e308, '', 'now', 'none', 'cbor',
    'cbor-raw', 'png', 'error', '\0', '\U0001f600', 'text', 'number', [], {}, [[]], {'': {}})
MEMBERS = ('text', 'number', 'a', 'b', 'name', 'parameters', 'node', 'names', 'value')


def value(rng: random.Random, depth: int = 0) -> Any:
    choice = rng.random()
    if depth > 3 or choice < 0.6:
        return rng.choice((*SCALARS, *NAMES, *TYPES))
    if choice < 0.8:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice((*KEYS, *MEMBERS)): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def structured(rng: random.Random) -> bytes:
    """A message that is nearly right."""
    message: dict[str, Any] = {'op': rng.choice(OPERATIONS)}
    for key, sensible in (
            ('topic', NAMES), ('service', NAMES), ('action', NAMES), ('type', TYPES), ('action_type', TYPES),
            ('id', ('a', 'b', 'f', 1)), ('data', ('{"op":', '"x"}', 'x' * 50)), ('num', (0, 1, 2)),
            ('total', (1, 2, 3)),
            ('compression', ('none', 'png', 'cbor', 'cbor-raw', 'zip'))):
        if rng.random() < 0.5:
            message[key] = rng.choice(sensible)
    for _ in range(rng.randrange(4)):
        message[rng.choice(KEYS)] = value(rng)
    return json.dumps(message).encode(errors='surrogatepass')


def payload(rng: random.Random) -> bytes:
    choice = rng.random()
    data = structured(rng)
    if choice < 0.75:
        return data
    if choice < 0.85:  # cut, or with one byte changed
        at = rng.randrange(len(data))
        return data[:at] if rng.random() < 0.5 else data[:at] + bytes((rng.randrange(128),)) + data[at + 1:]
    if choice < 0.9:
        return rng.choice((
            b'[' * 2000, b'{"a":' * 300 + b'1' + b'}' * 300, b'"' + b'\\u0000' * 100 + b'"', b'-', b'1e999'))
    return rng.randbytes(rng.randrange(200)).decode('latin-1').encode()


def frame(rng: random.Random) -> bytes:
    """A text frame with a malformed message."""
    return client_frame(1, payload(rng), mask=rng.randbytes(4))


def client_frame(
        opcode: int, data: bytes = b'', *, final: bool = True, reserved: int = 0, masked: bool = True,
        mask: bytes = b'\x11\x22\x33\x44') -> bytes:
    """A frame of a client with less than 64 kB."""
    flag = 0x80 if masked else 0
    size = bytes((flag | len(data),)) if len(data) < 126 else bytes((flag | 126,)) + len(data).to_bytes(2, 'big')
    body = mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)) if masked else data
    return bytes(((0x80 if final else 0) | reserved << 4 | opcode,)) + size + body


def http_request(rng: random.Random) -> bytes:
    """Return a request that is nearly right."""
    headers = {rng.choice(_HEADER_NAMES): rng.choice(_HEADER_VALUES) for _ in range(rng.randrange(4))}
    if rng.random() < 0.7:
        headers['Host'] = b'127.0.0.1'
    return http_head(rng.choice(('GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'BREW')), rng.choice(_PATHS), **headers)


def http_head(method: str = 'GET', path: str = '/session', **headers: bytes) -> bytes:
    """Return the head of a request; an underscore in the name of a header is a hyphen."""
    lines = b''.join(name.replace('_', '-').encode() + b': ' + value + b'\r\n' for name, value in headers.items())
    return f'{method} {path} HTTP/1.1\r\n'.encode() + lines + b'Connection: close\r\n\r\n'


_HEADER_VALUES = (
    b'\xff', 'http://\u2100'.encode(), b'Bearer \xff', b'a=b; c', b'', b'*' * 3000, b'bytes=9-1', b'1.5', b'\x80')
_HEADER_NAMES = (
    'Host', 'Origin', 'Authorization', 'Cookie', 'Range', 'If_Range', 'Content_Type', 'Content_Length',
    'Sec_Fetch_Site', 'Upgrade', 'Accept_Encoding')
_PATHS = (
    '/', '/session', '/api/camera/1x', '/api/a%00b', '/media/%2e%2e', '/media/x', '/stream?topic=/a%00',
    '/stream?topic=/a&width=9', '/snapshot?topic=/turret/a b', '/sign-in?token=%ff', '/rosbridge', '/webrtc',
    '/api/status/%ff', '/a' * 500, '/healthz', '/sign-in', '/config.json', '/metrics', '/api/openapi.json',
    '/api/clients', '/audio', '/api/safety/stop', '/media/thumbnails/%00', '/api/status', '/session?x=%zz')
