"""The rosbridge v2 protocol: one file per group of operations, and rosapi."""
