# SPDX-License-Identifier: Apache-2.0
"""Boundary between ROS threads and the event loop of the web server."""
