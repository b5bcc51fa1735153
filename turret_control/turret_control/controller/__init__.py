"""The controller: modes, target, head commands, presets."""
