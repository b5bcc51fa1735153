# SPDX-License-Identifier: Apache-2.0
"""Detection and tracking on footage."""
