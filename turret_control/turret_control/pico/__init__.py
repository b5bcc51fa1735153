# SPDX-License-Identifier: Apache-2.0
"""The protocol between host and Raspberry Pi Pico; ``firmware/pico`` runs the same file."""
