"""Whether this system makes network namespaces, for tests that are loudly skipped elsewhere."""

import subprocess
import sys

import pytest


def _works(*command: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        done = subprocess.run(
            [*command, "ip", "link", "set", "lo", "up"], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


HOW = next(
    (
        one
        for one in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])
        if _works(*one)
    ),
    None,
)
"""The command that gives a namespace of one's own."""

namespaces = pytest.mark.skipif(
    HOW is None, reason="NOT PROVED HERE: this system makes no network namespace"
)
user_namespaces = pytest.mark.skipif(
    not _works("unshare", "--user", "--map-root-user", "--net"),
    reason="NOT PROVED HERE: this system gives users no network namespace",
)
