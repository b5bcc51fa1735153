# SPDX-License-Identifier: Apache-2.0
"""Joystick handset of the legacy turret."""
