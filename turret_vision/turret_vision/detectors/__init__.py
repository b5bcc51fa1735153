# SPDX-License-Identifier: Apache-2.0
"""Detectors, one file each, and their registry."""
