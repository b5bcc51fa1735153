# SPDX-License-Identifier: Apache-2.0
"""Neural networks from files: their description, what goes into them, and what their outputs mean."""
