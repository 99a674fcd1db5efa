"""A process that is killed at any of its file operations, or finds the disk full there, loses
nothing: the same call gives the result of one that was never cut off."""

import pytest

from keras_course import integrity
from tests.faults import operations, processes

# In `make test` one operation is tried, in `make test-faults` each; of Hyperband's, which are twice
# as many, each fifth. Twenty minutes are to be enough for the whole suite.
STEP = {"hyperband": 5}
# Of a run, with the generation before each; whatever is there is whole.
STATES = ("best.keras", "best.older.keras", "last.npz", "last.older.npz")


@pytest.fixture(scope="module")
def job(request, whole):
    """The job of this name, what comes out of it, and how many file operations it makes."""
    return request.param, *whole(request.param)[1:]


def points(name, number, few):
    return [2 * number // 3] if few else range(1, number + 1, STEP.get(name, 1))


FEW_OR_EVERY = pytest.mark.parametrize(
    "few", [pytest.param(True, id="few"), pytest.param(False, id="every", marks=pytest.mark.faults)]
)
HYPERBAND = pytest.param("hyperband", marks=pytest.mark.faults)


@FEW_OR_EVERY
@pytest.mark.parametrize("job", ["train", "search", HYPERBAND], indirect=True, scope="module")
def test_killed_at_the_nth_operation(job, few, tmp_path, record_property):
    name, expected, number = job
    assert number > 60
    tried, before = points(name, number, few), set()
    for at in tried:
        folder = tmp_path / f"killed at {at}"
        code, said, _ = processes.run(name, folder, operations.Kill(folder, at))
        assert code == -9, (at, said)
        there = {state for state in STATES if (folder / state).exists()}
        assert before <= there, (at, before)  # what has been there is there at every later moment
        for state in there:
            integrity.check_zip(folder / state)
        before = there
        code, said, found = processes.run(name, folder)
        assert code == 0, (at, said)
        assert found[0] == expected, at
    if name == "train" and not few:
        assert before >= {"best.keras", "last.npz", "last.older.npz"}
    record_property("points", len(tried))
    record_property("said", f"of {number} file operations")


@FEW_OR_EVERY
@pytest.mark.parametrize("job", ["train", "search"], indirect=True, scope="module")
def test_no_space_left_at_the_nth_operation(job, few, tmp_path, record_property):
    name, expected, number = job
    told = 0
    tried = points(name, number, few)
    for at in tried:
        folder = tmp_path / f"full at {at}"
        code, said, found = processes.run(name, folder, operations.Full(folder, at))
        if code == 0:  # nothing that needed room came after
            assert found[0] == expected
            continue
        assert code == 1, (at, said)
        assert "No space left" in said and str(folder) in said, (at, said)
        assert "bytes" in said or "Cannot write into" in said, (at, said)  # nothing was begun
        told += 1
        code, said, found = processes.run(name, folder)
        assert code == 0, (at, said)
        assert found[0] == expected, at
    assert told > len(tried) / 2
    record_property("points", told)
    record_property("said", f"of {number} file operations; the others needed no room")
