"""The trace-driven simulator: it runs the production decision code against rivals on real traces."""
