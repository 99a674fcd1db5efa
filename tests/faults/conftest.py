"""What comes out of a job that nothing befalls, once for all tests that compare with it."""

import functools

import pytest

from tests.faults import operations, processes


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A function from a job to its folder, which stays as it is, its outcome, and the number of its
    file operations."""

    @functools.cache
    def run(job):
        folder = tmp_path_factory.mktemp("whole") / "run"
        code, said, found = processes.run(job, folder, operations.Counter(folder))
        assert code == 0, said
        return folder, *found

    return run


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest test begins first: two processes then come to their end together."""
    items.sort(key=lambda item: "test_two_workers.py" not in item.nodeid)
