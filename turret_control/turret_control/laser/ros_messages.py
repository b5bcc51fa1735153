# SPDX-License-Identifier: Apache-2.0
"""Messages of the laser: its state, and authenticated fire grants."""

from __future__ import annotations

from turret_common.messages.run_key import mac, mac_valid
from turret_common.reason_codes import ReasonCode
from turret_control.laser.state_machine import Grant, LaserSnapshot
from turret_control.laser_parameters import LaserParameters
from turret_msgs.msg import FireGrant, LaserState

_KIND = 'FireGrant'


def grant_of(message: FireGrant) -> Grant:
    """Return the content of a fire grant."""
    return Grant(
        message.epoch, message.seq, message.monotonic_ns, message.source, message.trigger, message.burst)


def sign_grant(message: FireGrant, key: bytes) -> FireGrant:
    """Set the authentication code of a grant that is complete otherwise; return the grant."""
    message.mac = mac(key, _KIND, grant_of(message).values())
    return message


def grant_valid(message: FireGrant, key: bytes) -> bool:
    """Return whether a grant was issued under the key of the run."""
    return mac_valid(message.mac, key, _KIND, grant_of(message).values())


def laser_state(parameters: LaserParameters, snapshot: LaserSnapshot) -> LaserState:
    """Return the state as a message, without its times."""
    return LaserState(
        driver=parameters.driver, hardware=parameters.hardware, dry_run=parameters.dry_run,
        watchdog_fitted=parameters.has_watchdog, no_watchdog_accepted=parameters.no_watchdog_accepted,
        profile=parameters.profile, session_remaining_s=snapshot.session_remaining_s, state=snapshot.state,
        emitting=snapshot.emitting, indicator=snapshot.indicator, power=snapshot.power,
        power_cap=parameters.power_cap, arming_remaining_s=snapshot.arming_remaining_s,
        arm_remaining_s=snapshot.arm_remaining_s, cooldown_remaining_s=snapshot.cooldown_remaining_s,
        duty=snapshot.duty, duty_cap=parameters.max_duty, pulse_s=parameters.pulse_s,
        burst_count=parameters.burst_count, burst_gap_s=parameters.burst_gap_s, cooldown_s=parameters.cooldown_s,
        fire_count=snapshot.fire_count, dry_fire_count=snapshot.dry_fire_count,
        ready=snapshot.code is ReasonCode.OK, code=snapshot.code, message=snapshot.message)
