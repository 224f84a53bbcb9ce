"""The scaling law: ``decide(snapshot, state, policy) -> (decision, state)``.

Pure and standard library only: no I/O, no clock, no randomness, no logger (held by import-linter).
Time is a field of the snapshot and history is the state, so that a test is three literals and the
simulator runs the very code that decides in production.
"""
