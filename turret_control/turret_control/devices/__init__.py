# SPDX-License-Identifier: Apache-2.0
"""Chips and pins: GPIO, PCA9685, TMC2209, and the motion profile of an axis."""
