# SPDX-License-Identifier: Apache-2.0
"""Messages as plain values and back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rclpy.serialization import deserialize_message, serialize_message

from turret_common import fast_json
from turret_common.errors import TurretError
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.ros_schema import schema
from turret_common.reason_codes import ReasonCode


def as_values(message: Any) -> dict[str, Any]:
    """Return a message as plain values; NaN, which JSON does not have, becomes None."""
    values: dict[str, Any] = fast_json.loads(fast_json.dumps(_codec(type(message)).to_json(serialize_message(message))))
    return values


def as_message(cls: Any, values: Mapping[str, Any]) -> Any:
    """Return a message made from plain values.

    Raises:
        TurretError: INVALID_ARGUMENT, a field is unknown or has the wrong type.
    """
    try:
        return deserialize_message(_codec(cls).encode(values, time.time_ns()), cls)
    except CodecError as error:
        raise TurretError(ReasonCode.INVALID_ARGUMENT, str(error)) from error


def _codec(cls: Any) -> Codec:
    return Codec(schema(cls))
