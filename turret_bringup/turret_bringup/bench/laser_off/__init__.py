# SPDX-License-Identifier: Apache-2.0
"""Time to emission off after each kind of failure."""
