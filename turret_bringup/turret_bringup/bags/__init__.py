# SPDX-License-Identifier: Apache-2.0
"""The bag format: read, write, recover, convert."""
