# SPDX-License-Identifier: Apache-2.0
"""Multi-object tracker: assignment, bearing filter, measurement noise."""
