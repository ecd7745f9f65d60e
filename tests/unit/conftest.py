"""Property tests have no deadline: a busy machine is not a fault.

With --hypothesis-profile=quick they try less, for who waits for them.
"""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("unhurried")
