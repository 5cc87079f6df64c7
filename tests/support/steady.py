"""A pytest plugin: hypothesis has no deadline for one example, which on a busy machine would be an assertion by the clock."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
