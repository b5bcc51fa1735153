# SPDX-License-Identifier: Apache-2.0
"""Browser panel, web gateway, embedded bridge and video server of the pan-tilt tracking turret."""
