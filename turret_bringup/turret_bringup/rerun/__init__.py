# SPDX-License-Identifier: Apache-2.0
"""Perception and control again on a bag."""
