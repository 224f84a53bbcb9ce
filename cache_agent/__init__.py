"""The node cache: ``planning`` is its pure core; transfer, store and node are its shells."""
