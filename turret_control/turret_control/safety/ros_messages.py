# SPDX-License-Identifier: Apache-2.0
"""Authenticated messages of the safety node and to it: its state, and requests to fire automatically."""

from __future__ import annotations

import struct

from turret_common.messages.run_key import mac, mac_valid
from turret_msgs import msg

#: A state older than this on arrival was delayed or is replayed [ns]; it is published at 10 Hz.
_STATE_LIFETIME_NS = 500_000_000


def sign_state(state: msg.SafetyState, key: bytes) -> msg.SafetyState:
    """Set the authentication code of a state that is complete otherwise; return the state."""
    state.mac = mac(key, 'SafetyState', _state_values(state))
    return state


def state_authentic(state: msg.SafetyState, key: bytes) -> bool:
    """Return whether a state was issued under the key of the run."""
    return mac_valid(state.mac, key, 'SafetyState', _state_values(state))


def state_valid(state: msg.SafetyState, key: bytes, now_ns: int) -> bool:
    """Return whether a state was issued under the key of the run, just now.

    Args:
        state: as received.
        key: of the run.
        now_ns: CLOCK_MONOTONIC, read after the state was received.
    """
    return 0 <= now_ns - state.monotonic_ns < _STATE_LIFETIME_NS and state_authentic(state, key)


def sign_request(request: msg.FireRequest, key: bytes) -> msg.FireRequest:
    """Set the authentication code of a request that is complete otherwise; return the request."""
    request.mac = mac(key, 'FireRequest', _request_values(request))
    return request


def request_valid(request: msg.FireRequest, key: bytes) -> bool:
    """Return whether a request was made under the key of the run."""
    return mac_valid(request.mac, key, 'FireRequest', _request_values(request))


def _state_values(state: msg.SafetyState) -> list[bool | int | str]:
    """Return everything that decides something; the times that are left only inform."""
    zones = [repr(part) for zone in state.zones for part in
             (zone.name, int(zone.kind), zone.pan_min, zone.pan_max, zone.tilt_min, zone.tilt_max)]
    return [state.monotonic_ns, state.laser_ok, state.motion_ok, *map(int, state.reasons), state.software_stop,
            int(state.estop), state.operator_name, state.trigger, state.auto_fire, *zones, state.region_confirmed,
            int(state.exclusion), state.message]


def _request_values(request: msg.FireRequest) -> list[bool | int | str]:
    error = struct.pack('f', request.aim_error).hex()  # as it is transmitted
    return [request.header.stamp.sec, request.header.stamp.nanosec, request.seq, request.track_id, error]
