# SPDX-License-Identifier: Apache-2.0
"""Benchmark of a turret that is split over two hosts."""
