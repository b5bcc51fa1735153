"""Tokens, roles, hosts, TLS and the allow-lists."""
