# SPDX-License-Identifier: Apache-2.0
"""The rosbridge v2 protocol: one file per group of operations, and rosapi."""
