# SPDX-License-Identifier: Apache-2.0
"""Alignment of the laser with the camera."""
