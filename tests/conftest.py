"""What every room's tests share."""

from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("inhouse", deadline=None)
settings.load_profile("inhouse")
