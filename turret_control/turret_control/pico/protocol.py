# SPDX-License-Identifier: Apache-2.0
"""Frames between host and Pico over USB serial; docs/pico.md describes them.

This file runs under CPython and MicroPython, so that it keeps to what both have. A frame is

    0xA5, length of the payload, type, sequence number (2 bytes), payload, CRC (2 bytes)

with numbers in little endian. The CRC is that of CCITT (polynomial 0x1021, from 0xFFFF) over everything between the
first byte and itself.
"""

import struct

VERSION = 1
START = 0xA5
MAX_PAYLOAD = 64
_OVERHEAD = 7

# Types of frames to the Pico, and of its answers.
HELLO, DRIVE = 0x01, 0x03
IDENTITY, STATE = 0x81, 0x83

# Bits of ``flags`` in DRIVE.
MOTORS, LASER, INDICATOR = 1, 2, 4
# Bits of ``flags`` in STATE.
MOTORS_ON, LASER_ON, TRIPPED, ESTOP = 1, 2, 4, 8
# Bits of ``switches`` in STATE: lower, upper and home of pan, then of tilt.
PAN_LOWER, PAN_UPPER, PAN_HOME, TILT_LOWER, TILT_UPPER, TILT_HOME = 1, 2, 4, 8, 16, 32

# Why the Pico switched everything off by itself.
NONE, FRAMES_STOPPED, ESTOP_PRESSED, LATE, RESTARTED = 0, 1, 2, 3, 4
# Why the laser is off although it was asked for.
LASER_FREE, PULSE_CAP, DUTY_CAP = 0, 1, 2

# expiry [ms], flags, laser level (0 to 255), then target [steps], speed [steps/s], acceleration [steps/s^2] of pan and
# of tilt.
_DRIVE = '<BBBiIIiII'
# time [us], flags, reason, laser reason, switches, then position [steps] and velocity [steps/s] of pan and of tilt,
# then the number of frames that were missing.
_STATE = '<IBBBBiiiiH'
# version, watchdog [ms], pulse cap [ms], duty cap [per mille], duty window [ms], fitted switches, longest loop [us].
_IDENTITY = '<BBHHHBH'


def crc16(data: bytes) -> int:
    """Return the CRC of some bytes."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


def encode(kind: int, seq: int, payload: bytes = b'') -> bytes:
    """Return a frame."""
    body = struct.pack('<BBH', len(payload), kind, seq & 0xFFFF) + payload
    return bytes([START]) + body + struct.pack('<H', crc16(body))


def take_frame(data: bytearray) -> tuple[int, int, bytes] | None:
    """Remove the first valid frame from a bytearray, and everything before it.

    Returns:
        type, sequence number and payload; None when there is no complete valid frame.
    """
    while data:
        begin = 0
        while begin < len(data) and data[begin] != START:
            begin += 1
        data[:] = data[begin:]
        if len(data) < 2:
            return None
        end = data[1] + _OVERHEAD
        if data[1] <= MAX_PAYLOAD:
            if len(data) < end:
                return None
            body = bytes(data[1:end - 2])
            if crc16(body) == data[end - 2] | data[end - 1] << 8:
                data[:] = data[end:]
                return body[1], body[2] | body[3] << 8, body[4:]
        data[:] = data[1:]
    return None


def is_newer(seq: int, last: int) -> bool:
    """Return whether a sequence number comes after another one, of 65536 that repeat."""
    return 0 < (seq - last) & 0xFFFF < 0x8000


def pack_drive(
        expiry_ms: int, flags: int, level: int, pan: tuple[int, int, int], tilt: tuple[int, int, int]) -> bytes:
    """Return the payload of DRIVE; ``pan`` and ``tilt`` are (target, speed, acceleration) in steps."""
    return struct.pack(_DRIVE, expiry_ms, flags, level, *(tuple(pan) + tuple(tilt)))


def unpack_drive(
        payload: bytes) -> tuple[int, int, int, tuple[int, int, int], tuple[int, int, int]] | None:
    """Return expiry [ms], flags, level, pan, tilt as in :func:`pack_drive`; None for another length."""
    if len(payload) != struct.calcsize(_DRIVE):
        return None
    values = struct.unpack(_DRIVE, payload)
    return values[0], values[1], values[2], (values[3], values[4], values[5]), (values[6], values[7], values[8])


def pack_state(*values: int) -> bytes:
    """Return the payload of STATE; the values are those of :func:`unpack_state`."""
    return struct.pack(_STATE, *values)


def unpack_state(payload: bytes) -> tuple[int, ...] | None:
    """Return time [us], flags, reason, laser reason, switches, pan position, velocity, tilt position, velocity, lost.

    Positions are steps, velocities steps/s; ``lost`` counts frames that were missing. None for another length.
    """
    return struct.unpack(_STATE, payload) if len(payload) == struct.calcsize(_STATE) else None


def pack_identity(*values: int) -> bytes:
    """Return the payload of IDENTITY; the values are those of :func:`unpack_identity`."""
    return struct.pack(_IDENTITY, *values)


def unpack_identity(payload: bytes) -> tuple[int, ...] | None:
    """Return version, watchdog [ms], pulse cap [ms], duty cap [per mille], duty window [ms], fitted, longest loop [us].

    ``fitted`` has the bits of ``switches``. None for another length.
    """
    return struct.unpack(_IDENTITY, payload) if len(payload) == struct.calcsize(_IDENTITY) else None
