"""Detection and tracking on footage."""
