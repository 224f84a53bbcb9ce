"""Grids of runs: cells, frontiers, paired differences, what they recommend."""
