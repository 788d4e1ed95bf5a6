"""The portal's settings, with the limit views beside its addresses and a header that counts queries."""

from portal.settings import *  # noqa: F403
from portal.settings import MIDDLEWARE as OURS

ROOT_URLCONF = "tests.prove.limits"
MIDDLEWARE = ["tests.prove.limits.CountQueries", *OURS]
