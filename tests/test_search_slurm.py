"""The batch scripts are shell that a cluster runs; stand-ins take the place of SLURM's commands."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras_tuner as kt
import pytest

from keras_course.cli import main
from keras_course.errors import UserError
from keras_course.search import slurm, workers
from keras_course.search.tuner import PairedTuner
from tests.test_search_tuner import ACCURACY, Arithmetic
from tests.test_search_workers import wait_for

COMMAND = ["keras-course", "tune", "--output", "a folder", "--model", "resnet20"]
SCONTROL = """#!/bin/bash
[ "$1 $2 $3" = "show hostnames node[1-2]" ] && printf 'node1\\nnode2\\n'
"""
# Starts the command once for each task, as srun does; one task where it is asked for. A task that
# fails ends the others, where that is asked for. At SIGTERM it kills them.
SRUN = """#!/bin/bash
tasks=$TASKS
while [[ "$1" == --* ]]; do
    [ "$1" = --ntasks=1 ] && tasks=1
    [ "$1" = --kill-on-bad-exit=1 ] && kill=1
    shift
done
for ((task = 0; task < tasks; task++)); do
    SLURM_PROCID=$task setsid "$@" &
    running+=($!)
    echo $! >> "$LOG.tasks"
done
trap 'kill -KILL -- "${running[@]/#/-}"' TERM
code=0
for task in "${running[@]}"; do
    wait -n || { code=$?; [ -n "${kill:-}" ] && kill "${running[@]}" 2>/dev/null; }
done
kill -KILL -- "${running[@]/#/-}" 2>/dev/null  # what a task has left
exit "$code"
"""
# Signals the tasks themselves, not what they have started.
SCANCEL = """#!/bin/bash
[ "$*" = "--signal=TERM 4711" ] || exit 1
xargs -a "$LOG.tasks" kill -TERM 2>/dev/null
"""
HOSTNAME = """#!/bin/bash
echo 127.0.0.1 10.0.0.7
"""
NOTES = """#!/bin/bash
[ "${KERASTUNER_TUNER_ID:-}" = chief ] && sleep 1  # whose end is the end of the workers
echo "${KERASTUNER_TUNER_ID:-none} ${KERASTUNER_ORACLE_IP:-none} $*" >> "$LOG"
"""


def run(script, folder, *, tasks, course=NOTES, ended_after=0, **environment):
    programs = {"srun": SRUN, "scontrol": SCONTROL, "scancel": SCANCEL, "hostname": HOSTNAME}
    programs["keras-course"] = course
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    path = folder / "tune.sbatch"
    path.write_text(script)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "LOG": str(folder / "log"),
        "TASKS": str(tasks),
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NODELIST": "node[1-2]",
        **environment,
    }
    process = subprocess.Popen(
        ["bash", path],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if ended_after:  # so many lines
        log = folder / "log"
        wait_for(lambda: log.exists() and log.read_text().count("\n") == ended_after, process)
        process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=120)
    return SimpleNamespace(returncode=process.returncode, stdout=stdout, stderr=stderr)


@pytest.mark.parametrize("nodes, gpus", [(1, 1), (1, 4), (3, 4)])
def test_shellcheck_finds_nothing(nodes, gpus, tmp_path):
    path = slurm.write(tmp_path / "tune.sbatch", COMMAND, nodes, gpus)
    shellcheck = Path(sys.executable).parent / "shellcheck"
    found = subprocess.run([shellcheck, path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    text = path.read_text()
    assert f"#SBATCH --nodes={nodes}\n" in text and "# change:" in text
    assert f"--gpus-per-node={gpus} " in text


def test_one_node_starts_one_process_with_a_worker_for_each_gpu(tmp_path):
    done = run(slurm.script(COMMAND, 1, 4), tmp_path, tasks=1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "log").read_text() == (
        "none none tune --output a folder --model resnet20 --workers 4\n"
    )


# Goes on until SIGTERM, and then saves.
SAVES = """#!/bin/bash
sleep 30 &>/dev/null &
trap 'kill $!; echo "$KERASTUNER_TUNER_ID saved" >> "$LOG"; exit 143' TERM
echo "$KERASTUNER_TUNER_ID began" >> "$LOG"
wait
"""


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_job_whose_time_is_up_lets_the_search_save(nodes, tmp_path):
    done = run(
        slurm.script(COMMAND, nodes, 1),
        tmp_path,
        tasks=nodes,
        course=SAVES,
        ended_after=1 if nodes == 1 else 3,
        KERASTUNER_TUNER_ID="chief",
    )
    lines = (tmp_path / "log").read_text().splitlines()
    workers = [] if nodes == 1 else ["worker0 began", "worker1 began"]  # these have nothing to save
    assert sorted(lines) == ["chief began", "chief saved", *workers]
    assert done.returncode == 143


def test_tasks_get_the_cores_that_were_asked_for(tmp_path):
    course = '#!/bin/bash\necho "$SRUN_CPUS_PER_TASK" >> "$LOG"\n'
    run(slurm.script(COMMAND, 1, 4), tmp_path, tasks=1, course=course, SLURM_CPUS_PER_TASK="24")
    assert (tmp_path / "log").read_text() == "24\n"


def test_several_nodes_have_a_chief_and_workers_that_know_its_address(tmp_path):
    done = run(slurm.script(COMMAND, 2, 2), tmp_path, tasks=4)
    assert done.returncode == 0, done.stderr
    lines = sorted((tmp_path / "log").read_text().splitlines())
    names = ["chief", "worker0", "worker1", "worker2", "worker3"]
    assert lines == [f"{name} 127.0.0.1 tune --output a folder --model resnet20" for name in names]


def test_a_worker_that_fails_is_started_again_and_the_chief_says_how_it_ended(tmp_path):
    failing = (
        NOTES
        + """
[ "$KERASTUNER_TUNER_ID" = chief ] && sleep 3 && exit 3
[ "$(grep -c "$KERASTUNER_TUNER_ID" "$LOG")" = 4 ] && exec sleep 9 &>/dev/null
exit 1
"""
    )
    done = run(slurm.script(COMMAND, 2, 1), tmp_path, tasks=2, course=failing)
    assert done.returncode == 3
    log = (tmp_path / "log").read_text()
    assert log.count("worker0") == log.count("worker1") == 4


# A chief whose trials never end; SIGTERM ends it, as it does ours.
WAITS = """
if [ "$KERASTUNER_TUNER_ID" = chief ]; then
    sleep 30 &>/dev/null &
    trap "kill $!; exit 143" TERM
    wait
fi
[ "$KERASTUNER_TUNER_ID" = worker0 ] && exec sleep 30 &>/dev/null
"""


@pytest.mark.parametrize("code, tries", [(1, slurm.TRIES), (2, 1), (3, 1)])
def test_the_job_ends_when_a_worker_gives_up_although_the_chief_would_wait(code, tries, tmp_path):
    course = f"{NOTES}{WAITS}exit {code}"
    done = run(slurm.script(COMMAND, 2, 1), tmp_path, tasks=2, course=course)
    assert done.returncode == 1
    assert "The workers are gone. Start the same job again" in done.stderr
    assert (tmp_path / "log").read_text().count("worker1") == tries


def test_a_trial_at_which_workers_end_again_and_again_is_given_up(tmp_path, capsys):
    oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=2, seed=1)
    tuner = PairedTuner(oracle, Arithmetic(), directory=tmp_path)
    tuner.tell = lambda trial_id: None
    oracle.verbose = 0
    servicer = workers._ChiefOfOthers(tuner).servicer

    def asks():
        return servicer.CreateTrial(SimpleNamespace(tuner_id="worker0"), None).trial.trial_id

    assert [asks() for _ in range(workers.DEATHS)] == ["0"] * workers.DEATHS
    assert asks() == "1"
    history = tuner.history("0")
    assert (history["status"], history["reason"]) == ("failed", "its process ended again and again")
    assert "worker0 was started again during trial 0." in capsys.readouterr().out


STUCK = """
import time
from types import SimpleNamespace
from keras_course.search import workers

workers.GRACE = 0.1
tuner = SimpleNamespace(trial_seconds=0.1, run_trial={run_trial})
workers.ends_itself(tuner)
tuner.run_trial(None)
time.sleep(1)  # no limit counts between two trials
"""


@pytest.mark.parametrize(
    "run_trial, code", [("lambda trial: time.sleep(60)", 1), ("lambda trial: None", 0)]
)
def test_a_worker_that_hangs_ends_and_tells_where_it_was(run_trial, code, tmp_path):
    program = tmp_path / "worker.py"
    program.write_text(STUCK.format(run_trial=run_trial))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("Timeout" in done.stderr and "worker.py" in done.stderr) == bool(code)


@pytest.mark.slow
def test_a_search_on_two_nodes_comes_to_its_end(tmp_path):
    command = ["keras-course", "tune", "--output", str(tmp_path / "run"), "--search", "random"]
    command += ["--model", "logistic_regression", "--trials", "3", "--batch-size", "1024"]
    course = f'#!/bin/bash\nexec {sys.executable} -m keras_course "$@"\n'
    done = run(slurm.script(command, 2, 1), tmp_path, tasks=2, course=course)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "The chief waits for workers" in done.stdout
    assert re.search(r"random search, logistic_regression .* 3 trials, 0 diverged", done.stdout)


def test_the_command_writes_the_script_without_its_own_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    typed = ["tune", "--slurm", "--nodes", "2", "--gpus=3", "--output", "o", "--workers", "4"]
    assert main([*typed, "--trials", "9", "--search", "random"]) == 0
    assert capsys.readouterr().out == "tune.sbatch\n"
    text = (tmp_path / "tune.sbatch").read_text()
    assert "tune=(keras-course tune --output o --trials 9 --search random)" in text
    assert "--nodes=2\n" in text and "--gpus-per-node=3 " in text
    assert main([*typed, "--trials", "9"]) == 2
    assert "climb tries one rate after the other: of 6 workers, 5 would wait" in (
        capsys.readouterr().err
    )
    several = ["tune", "--slurm", "new/tune.sbatch", "--output", "o", "--search", "random"]
    assert main([*several, "--parallel-rates", "4"]) == 2
    assert "leave out --parallel-rates" in capsys.readouterr().err
    assert main(several) == 0 and (tmp_path / "new" / "tune.sbatch").exists()
    capsys.readouterr()
    assert main(["tune", "--slurm"]) == 2
    assert "--slurm needs --output" in capsys.readouterr().err
    assert main(["tune", "--slurm", "--output=o"]) == 0


def test_a_recipe_that_every_task_would_refuse_is_refused_before_the_script(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    typed = ["tune", "--slurm", "--output", "o"]
    for wrong, said in (
        (["--model", "resnet21"], "resnet20"),
        (["--dataset", "cifra10"], "cifar10"),
        (["--learning-rate", "0.1"], "leave out --learning-rate"),
        (["--trials", "0"], "--trials must be positive"),
    ):
        assert main([*typed, *wrong]) == 2 and said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    # What only a task of the job must have: a GPU, and the data set.
    assert main([*typed, "--device", "gpu", "--dataset", "cifar10"]) == 0


def test_impossible_sizes_are_refused():
    with pytest.raises(UserError, match="at least 1"):
        slurm.script(COMMAND, 0, 4)
