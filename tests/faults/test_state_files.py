"""What befalls the files of a run or a search is noticed; what can be made anew is made anew."""

import random
import re
import shutil

import pytest

from tests.faults import operations, processes

LONG = [pytest.param(job, marks=pytest.mark.faults) for job in ("train", "hyperband")]


@pytest.fixture(scope="module", params=["search", *LONG])
def cut(request, whole, tmp_path_factory):
    """A job, its outcome, and its folder as it is when nearly all is done."""
    _, expected, number = whole(request.param)
    folder = tmp_path_factory.mktemp("cut") / "run"
    code, *_ = processes.run(request.param, folder, operations.Kill(folder, int(0.8 * number)))
    assert code == -9
    return request.param, expected, folder


def state_files(folder):
    """Return the files that a job relies on when it goes on, the pictures and logs left out."""
    names = (".json", ".npz", ".keras", ".csv", "journal")
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name.endswith(names) and not path.name.startswith(".")
    ]


def truncated(content, draw):
    return content[: draw.randrange(len(content))]


def flipped(content, draw):
    changed = bytearray(content)
    changed[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize(
    "damage, times",
    [
        pytest.param(flipped, 1, id="flipped-1"),
        pytest.param(truncated, 6, id="truncated-6", marks=pytest.mark.faults),
        pytest.param(flipped, 6, id="flipped-6", marks=pytest.mark.faults),
    ],
)
def test_a_damaged_state_file_never_gives_another_result_in_silence(
    cut, damage, times, tmp_path, record_property
):
    job, expected, folder = cut
    times = min(times, 2) if job == "hyperband" else times  # it has twice as many files
    found = state_files(folder)
    assert len(found) >= 5
    if times == 1:  # in `make test-faults` all of them
        found = [path for path in found if path.stem in ("journal", "search", "last", "best")]
    mended = refused = 0
    for number, path in enumerate(found):
        for time in range(times):
            copy = shutil.copytree(folder, tmp_path / f"{number} {time}")
            broken = copy / path.relative_to(folder)
            broken.write_bytes(damage(path.read_bytes(), random.Random(100 * number + time)))
            code, said, outcome = processes.run(job, copy)
            if code == 0:
                assert outcome[0] == expected, (path.name, said)
                mended += 1
            else:
                assert code == 1, (path.name, said)
                *_, told = said.splitlines()  # one of ours, of the file or its folder
                assert re.match(r"(UserError|Damaged): .*", told), (path.name, said)
                assert path.stem in told or str(broken.parent) in told, (path.name, said)
                refused += 1
    assert mended > refused
    record_property("points", mended + refused)
    record_property("said", f"{mended} made anew, {refused} refused with a message")


def test_a_finished_result_that_was_changed_is_not_handed_out(tmp_path, whole):
    for job, name in (("train", "metrics.json"), ("search", "search/leaderboard.json")):
        done, expected, _ = whole(job)
        folder = shutil.copytree(done, tmp_path / job)
        (folder / name).write_text((folder / name).read_text().replace("0.", "0.9", 1))
        code, said, again = processes.run(job, folder)
        assert code == 0 and again[0] == expected  # it is written anew from what is left
        assert job == "search" or "metrics.json is damaged" in said
