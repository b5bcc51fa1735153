# SPDX-License-Identifier: Apache-2.0
"""Aiming in simulation and on footage."""
