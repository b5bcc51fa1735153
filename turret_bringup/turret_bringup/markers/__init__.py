# SPDX-License-Identifier: Apache-2.0
"""Markers that rviz and Foxglove draw."""
