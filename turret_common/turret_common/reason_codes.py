# SPDX-License-Identifier: Apache-2.0
"""Reason codes of refusals, inhibits and faults: the constants of ``turret_msgs/msg/ReasonCode``."""

from __future__ import annotations

from enum import IntEnum


class ReasonCode(IntEnum):
    """Reasons of the whole turret; ``ReasonCode.msg`` describes each."""

    @property
    def words(self) -> str:
        """The name in lower case with spaces."""
        return self.name.replace('_', ' ').lower()

    OK = 0
    INVALID_ARGUMENT = 1
    NOT_FINITE = 2
    OUT_OF_RANGE = 3
    UNKNOWN_NAME = 4
    NOT_READY = 5
    BUSY = 6
    TIMED_OUT = 7
    IO_ERROR = 8
    NOT_SUPPORTED = 9
    CANCELLED = 10
    INTERNAL_ERROR = 11
    READ_ONLY = 12
    NOT_FOUND = 13
    ALREADY_EXISTS = 14
    STALE_INPUT = 15
    CLOCK_JUMPED = 16
    STORAGE_FULL = 17
    WRONG_MODE = 18
    DAMAGED = 19
    NO_OPERATOR = 100
    WRONG_LEASE = 101
    LEASE_TAKEN = 102
    WRONG_SECRET = 103
    HEARTBEAT_LOST = 104
    HEARTBEAT_REPLAYED = 105
    ESTOP_PRESSED = 106
    ESTOP_UNREADABLE = 107
    SOFTWARE_STOP = 108
    DRIVER_SILENT = 109
    VISION_STALE = 110
    NOT_HOMED = 111
    SECOND_PUBLISHER = 112
    NO_FIRE_ZONE = 113
    PERSON_NEAR_BEAM = 114
    EXCLUSION_SILENT = 115
    FRAMES_FROZEN = 116
    REGION_NOT_CONFIRMED = 117
    BACKEND_MIXED = 118
    PERMIT_MISSING = 119
    PERMIT_STALE = 120
    PERMIT_EPOCH = 121
    TRIGGER_NEEDS_NEW_PRESS = 122
    MOTION_NOT_PERMITTED = 123
    FIRE_NOT_PERMITTED = 124
    OPERATOR_CHANGED = 125
    NO_FLOOR_REGION = 126
    NOT_ARMED = 200
    ARMING = 201
    COOLDOWN = 202
    DUTY_EXCEEDED = 203
    PULSE_CAP = 204
    POWER_CAP = 205
    ARM_EXPIRED = 206
    NO_WATCHDOG = 207
    GRANT_EXPIRED = 208
    GUARDIAN_LOST = 209
    POWER_ZERO = 210
    SESSION_LIMIT = 211
    BEAM_STILL = 212
    DISARMED = 213
    COMMAND_STALE = 300
    SOFT_LIMIT = 301
    LIMIT_SWITCH = 302
    SWITCH_UNREADABLE = 303
    NOT_ENABLED = 304
    HOMING_FAILED = 305
    CALIBRATION_FAILED = 306
    IDLE_RELEASED = 307
    DRIVER_FAULT = 308
    CAMERA_LOST = 400
    CAMERA_ABSENT = 401
    NO_FRAMES = 402
    DETECTOR_FAILED = 403
    NO_TARGET = 404
    TRACK_LOST = 405
    NO_CALIBRATION = 406
    NO_POSE = 407
    RECORDING_FAILED = 408
    NOT_SIGNED_IN = 500
    NOT_ALLOWED = 501
    RATE_LIMITED = 502
    TOO_LARGE = 503
    NODE_SILENT = 600
    NODE_RESTARTED = 601
    CLOCK_OFFSET = 602
