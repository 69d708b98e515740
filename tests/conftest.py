"""What holds for all tests."""

from hypothesis import settings

# The machine is shared by the tests that run beside each other: a slow example is no fault.
settings.register_profile("talpa", deadline=None)
settings.load_profile("talpa")
