# SPDX-License-Identifier: Apache-2.0
"""Tasks that move the head: patterns, measurements, tuning, checks."""
