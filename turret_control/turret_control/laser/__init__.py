# SPDX-License-Identifier: Apache-2.0
"""Laser: state machine, its thread, lines, guardian and emission budget."""
