# SPDX-License-Identifier: Apache-2.0
"""The registry of laser lines: the modules of this folder and the entry points ``turret.laser_lines``."""

from __future__ import annotations

from turret_common.registry import Registry
from turret_control.laser.lines.line import LaserLines

LINES: Registry[LaserLines] = Registry(LaserLines, 'turret_control.laser.lines', 'turret.laser_lines')
