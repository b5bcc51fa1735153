# SPDX-License-Identifier: Apache-2.0
"""Tokens, roles, hosts, TLS and the allow-lists."""
