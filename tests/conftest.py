"""What every test of this tree shares."""

from hypothesis import settings

# Time is never asserted: a deadline would fail on a busy machine, not on a bug.
settings.register_profile("hearth", deadline=None)
settings.load_profile("hearth")
