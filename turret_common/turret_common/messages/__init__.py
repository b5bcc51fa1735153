"""Message schemas, definitions and the CDR codec."""
