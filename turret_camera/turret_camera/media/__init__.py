# SPDX-License-Identifier: Apache-2.0
"""Stills, video and sound recordings, and the library that keeps them."""
