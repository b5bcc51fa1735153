# SPDX-License-Identifier: Apache-2.0
"""Graph, launch files, parameters, supervisor and command line of the pan-tilt tracking turret."""
