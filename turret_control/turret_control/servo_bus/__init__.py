"""Serial buses of servos with feedback: their protocols, and emulated servos for tests and trials without hardware."""
