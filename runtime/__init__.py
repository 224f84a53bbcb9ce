"""What ties a model to a running engine, and the ``hearth`` command line."""
