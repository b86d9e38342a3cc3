"""One profile for property tests: no deadline, the same examples every time."""

from hypothesis import settings

settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci")
