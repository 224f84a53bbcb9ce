"""Pure planning for the node cache: what to fetch, what to evict, how long a cold start takes.

Standard library only: no I/O, no clock, no randomness, no logger (held by import-linter).
"""
