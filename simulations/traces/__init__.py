"""Request traces: reading, checking, transforming."""
