# SPDX-License-Identifier: Apache-2.0
"""The protocol and conversation with a Raspberry Pi Pico; ``firmware/pico`` runs the same ``protocol.py``."""
