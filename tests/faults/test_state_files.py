"""What befalls the files of a run or a search is noticed; what can be made anew is made anew."""

import random
import re
import shutil

import pytest

from tests.faults import operations, processes

LONG = [pytest.param(job, marks=pytest.mark.faults) for job in ("train", "hyperband")]


@pytest.fixture(scope="module", params=["search", *LONG])
def cut(request, tmp_path_factory):
    """A job, its outcome, and its folder as it is when nearly all is done."""
    parent = tmp_path_factory.mktemp("cut")
    code, said, found = processes.run(
        request.param, parent / "whole", operations.Counter(parent / "whole")
    )
    assert code == 0, said
    whole, number = found
    folder = parent / "run"
    code, *_ = processes.run(request.param, folder, operations.Kill(folder, int(0.8 * number)))
    assert code == -9
    return request.param, whole, folder


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
    job, whole, folder = cut
    found = state_files(folder)
    assert len(found) >= 5
    mended = refused = 0
    for number, path in enumerate(found):
        for time in range(times):
            copy = shutil.copytree(folder, tmp_path / f"{number} {time}")
            broken = copy / path.relative_to(folder)
            broken.write_bytes(damage(path.read_bytes(), random.Random(100 * number + time)))
            code, said, outcome = processes.run(job, copy)
            if code == 0:
                assert outcome[0] == whole, (path.name, said)
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


def test_a_finished_result_that_was_changed_is_not_handed_out(tmp_path):
    for job, name in (("train", "metrics.json"), ("search", "search/leaderboard.json")):
        folder = tmp_path / job
        code, said, found = processes.run(job, folder, operations.Counter(folder))
        assert code == 0, said
        (folder / name).write_text((folder / name).read_text().replace("0.", "0.9", 1))
        code, said, again = processes.run(job, folder)
        assert code == 0 and again[0] == found[0]  # it is written anew from what is left
        assert job == "search" or "metrics.json is damaged" in said
