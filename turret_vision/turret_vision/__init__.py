# SPDX-License-Identifier: Apache-2.0
"""Detectors, multi-object tracker and annotated image of the pan-tilt tracking turret."""
