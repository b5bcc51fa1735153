# SPDX-License-Identifier: Apache-2.0
"""Load on the web gateway."""
