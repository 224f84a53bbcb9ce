"""Proofs that take hours: grids of runs whose results are committed, resumable, checked by sampling."""
