# SPDX-License-Identifier: Apache-2.0
"""The lines of a laser (fire line, emission indicator, watchdog), one file per kind, and their registry."""
