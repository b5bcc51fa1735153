# SPDX-License-Identifier: Apache-2.0
"""Supervisor, doctor, instances and launch helpers."""
