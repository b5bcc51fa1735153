# SPDX-License-Identifier: Apache-2.0
"""What several packages of the turret share."""
