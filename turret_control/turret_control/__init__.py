# SPDX-License-Identifier: Apache-2.0
"""Aiming, gimbal and laser drivers, simulated hardware, safety and status of the pan-tilt tracking turret."""
