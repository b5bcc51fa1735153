# SPDX-License-Identifier: Apache-2.0
"""Other turrets that one web gateway shows: those of its ROS domain and those of ``fleet.yaml``."""
