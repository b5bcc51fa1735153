"""The bag format: read, write, recover, convert."""
