import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../Benchmarks"))

from cloud import Cloud, Host  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def root():
    assert os.geteuid() == 0, "the system tests need root"


@pytest.fixture(scope="module")
def cloud():
    """A running cloud for the tests of one file; afterwards the host must be what it was."""
    before = Host()
    cloud = Cloud()
    try:
        yield cloud.up()
    finally:
        cloud.purge()
    after = Host()
    assert after == before, after.difference(before)
