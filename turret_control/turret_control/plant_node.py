# SPDX-License-Identifier: Apache-2.0
"""The node ``plant``: runs the simulated hardware and publishes the ground truth about it."""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node

from turret_common.plant_client import plant_socket
from turret_common.ros.node import run
from turret_common.ros.params import RosParameters
from turret_common.ros.qos import STREAM
from turret_control.plant.plant import Plant
from turret_control.plant.server import PlantServer
from turret_control.plant_parameters import PlantParameters
from turret_control.scenario import TargetState
from turret_msgs.msg import SimGroundTruth, SimTarget

_TRUTH_PERIOD_S = 0.005
_IDLE_PERIOD_S = 0.05  # without subscribers
#: Maximum time at the end for the drivers, which get the same Ctrl-C, to leave their pins low.
_DRIVERS_S = 2.0


class PlantNode(Node):
    """The simulated hardware. Publishes ``sim/ground_truth`` at 200 Hz while there is a subscriber."""

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('plant', **node_kwargs)
        parameters = RosParameters(self, PlantParameters, self._on_parameters)
        self._base_frame = parameters.frame('base_link')
        self._publisher = self.create_publisher(SimGroundTruth, 'sim/ground_truth', STREAM)
        plant = Plant(parameters.value, time.monotonic_ns())
        self._server = PlantServer(
            plant, plant_socket(self.get_namespace()), self._publish_ground_truth, self._on_error)
        self._server.start()
        self.get_logger().info(f'simulated hardware, scenario "{parameters.value.scenario}"')

    def destroy_node(self) -> None:
        self._server.stop(_DRIVERS_S)
        super().destroy_node()

    def _on_error(self, error: BaseException) -> None:
        self.get_logger().fatal(f'the simulated hardware stopped: {type(error).__name__}: {error}')
        self.context.try_shutdown()

    def _on_parameters(self, parameters: PlantParameters) -> None:
        self._server.configure(parameters)

    def _publish_ground_truth(self, plant: Plant) -> float:
        if not self._publisher.get_subscription_count():
            return _IDLE_PERIOD_S
        truth = plant.truth()
        message = SimGroundTruth(
            monotonic_ns=truth.t_ns, pan=truth.pan, tilt=truth.tilt, pan_rate=truth.pan_rate, tilt_rate=truth.tilt_rate,
            beam_azimuth=truth.beam_azimuth, beam_elevation=truth.beam_elevation,
            spot_azimuth=truth.spot_azimuth, spot_elevation=truth.spot_elevation, spot_range=truth.spot_range,
            laser_pin=truth.laser > 0.0,
            indicator_pin=truth.indicator > 0.0, motors_enabled=truth.enabled,
            targets=[_as_message(target) for target in truth.targets])
        stamp_ns = time.time_ns() + truth.t_ns - time.monotonic_ns()
        message.header.frame_id = self._base_frame
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        self._publisher.publish(message)
        return _TRUTH_PERIOD_S


def _as_message(target: TargetState) -> SimTarget:
    return SimTarget(
        name=target.name, kind=target.kind, azimuth=target.azimuth, elevation=target.elevation, range=target.range,
        azimuth_rate=target.azimuth_rate, elevation_rate=target.elevation_rate, visible=target.visible)


def main() -> int:
    """Run the node."""
    return run(PlantNode, real_time=True)


if __name__ == '__main__':
    raise SystemExit(main())
