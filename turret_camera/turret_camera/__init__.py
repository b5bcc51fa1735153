# SPDX-License-Identifier: Apache-2.0
"""Image sources, camera node, stills and video recording of the pan-tilt tracking turret."""
