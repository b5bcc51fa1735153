# SPDX-License-Identifier: Apache-2.0
"""The registry of gimbal drivers: the modules of this folder and the entry points ``turret.gimbal_drivers``."""

from __future__ import annotations

from turret_common.registry import Registry
from turret_control.drivers.driver import GimbalDriver

DRIVERS: Registry[GimbalDriver] = Registry(GimbalDriver, 'turret_control.drivers', 'turret.gimbal_drivers')
