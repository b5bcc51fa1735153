"""What several packages of the turret share."""
