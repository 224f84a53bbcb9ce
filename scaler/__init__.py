"""The KEDA external scaler: ``decision`` is its pure core, shells around it fetch, serve and report."""
