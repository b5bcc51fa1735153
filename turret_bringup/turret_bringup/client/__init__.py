# SPDX-License-Identifier: Apache-2.0
"""Python client of a running turret; the classes are in :mod:`turret_bringup.client.ros_client`."""
