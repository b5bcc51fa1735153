# SPDX-License-Identifier: Apache-2.0
"""Message schemas, definitions and the CDR codec."""
