# SPDX-License-Identifier: Apache-2.0
"""Lens calibration."""
