"""What every test of this tree shares."""

import signal

from hypothesis import settings

# A run that a script started in the background ignores Ctrl-C; the commands that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Time is never asserted: a deadline would fail on a busy machine, not on a bug.
settings.register_profile("hearth", deadline=None)
settings.load_profile("hearth")
