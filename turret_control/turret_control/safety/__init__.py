# SPDX-License-Identifier: Apache-2.0
"""Interlocks, operator lease, zones, emergency stop and person exclusion."""
