"""Multi-object tracker: assignment, bearing filter, measurement noise."""
