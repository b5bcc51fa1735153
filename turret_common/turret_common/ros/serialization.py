# SPDX-License-Identifier: Apache-2.0
"""Serialized messages without what rclpy appends to them."""

from __future__ import annotations

import functools
from typing import Any

from rclpy.serialization import serialize_message

from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import schema


def serialized(message: Any) -> bytes:
    """Return a serialized message, exactly as long as it is.

    ``rclpy.serialization.serialize_message`` returns as many bytes as it estimated: behind the message, and between its
    fields, is whatever was in that memory before, which readers refuse and which may be confidential.
    """
    cls: Any = type(message)
    codec = _codec(cls)
    return codec.encode(codec.to_json(serialize_message(message)), 0)


@functools.cache
def _codec(cls: Any) -> Codec:
    return Codec(schema(cls))
