# SPDX-License-Identifier: Apache-2.0
"""Axes, authority to move, and homing."""
