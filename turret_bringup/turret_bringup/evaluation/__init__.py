# SPDX-License-Identifier: Apache-2.0
"""Plots, tables and video of a bag."""
