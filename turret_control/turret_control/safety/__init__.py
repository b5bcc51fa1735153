"""Interlocks, operator lease, zones, emergency stop and person exclusion."""
