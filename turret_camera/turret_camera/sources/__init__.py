# SPDX-License-Identifier: Apache-2.0
"""Image sources, one file each, and their registry."""
