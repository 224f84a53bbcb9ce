"""The engine's constants fitted to a measured run."""
