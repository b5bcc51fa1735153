# SPDX-License-Identifier: Apache-2.0
"""Gimbal drivers, one file each, and their registry."""
