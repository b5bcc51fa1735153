"""The gimbal driver that the parameters ask for."""

from __future__ import annotations

from turret_common.plant_client import PlantLink, plant_socket
from turret_control.drivers.driver import GimbalDriver
from turret_control.gimbal_parameters import GimbalParameters


def make_driver(parameters: GimbalParameters, namespace: str) -> GimbalDriver:
    """Return the driver, not opened yet. Only its own module is imported.

    Args:
        parameters: of the gimbal node.
        namespace: of the turret, which tells simulated hardware apart.
    """
    if parameters.driver == 'step_dir':
        from turret_control.drivers.step_dir import StepDirDriver
        return StepDirDriver(parameters.step_dir)
    if parameters.driver == 'tmc2209':
        from turret_control.drivers.tmc2209 import Tmc2209Driver
        return Tmc2209Driver(parameters.step_dir, parameters.tmc2209)
    if parameters.driver == 'servo':
        from turret_control.drivers.servo import ServoDriver
        return ServoDriver(parameters.servo)
    if parameters.driver == 'pca9685':
        from turret_control.drivers.servo import Pca9685Driver
        return Pca9685Driver(parameters.servo, parameters.pca9685)
    from turret_control.drivers.simulation import SimDriver
    return SimDriver(PlantLink(plant_socket(namespace)))
