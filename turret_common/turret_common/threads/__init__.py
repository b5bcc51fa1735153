# SPDX-License-Identifier: Apache-2.0
"""Clocks and threads: work at a fixed rate, and work handed to the thread that owns something."""
