# SPDX-License-Identifier: Apache-2.0
"""Benchmark clips and their ground-truth boxes."""
