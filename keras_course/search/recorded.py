"""A KerasTuner oracle whose search can be taken up again at any moment.

KerasTuner writes an oracle's state in place, in several files, and not all of it (GridSearch's is
missing). Here each thing that the oracle was told or answered becomes a line of a journal, and an
oracle that is made anew is told the same again: it ends up where the other one was, whatever it
keeps inside.
"""

import json
from collections.abc import Callable
from pathlib import Path

import keras_tuner as kt

from keras_course.errors import UserError
from keras_course.search.journal import Journal


def record(oracle: kt.Oracle, path: Path, header: dict, is_whole: Callable[[str], bool]) -> Journal:
    """Bring the oracle to where the journal at `path` ends, and record all that follows there.

    oracle: new, with its space. header: what the search is of, plain values; the journal of another
    search is refused with a UserError that says what differs. is_whole: says of a trial that has
    ended whether what it left is there and undamaged; a search goes on before one that has not.
    """
    header = json.loads(json.dumps(header))  # as it will be read again: without tuples
    journal = Journal(path)
    if journal.lost:
        print(f"{path} is damaged: its last {journal.lost} events have to be repeated.")
    if not journal.events:
        journal.keep(0)
        journal.add(header)
    _compare(journal.events[0], header, path)
    ended = [event["trial"] for event in journal.events if event["event"] == "end"]
    broken = {trial for trial in ended if not is_whole(trial)}
    for number, event in enumerate(journal.events):
        if event["event"] == "end" and event["trial"] in broken:
            print(f"Files of trial {event['trial']} are damaged: the search repeats from there.")
            journal.keep(number)
            break
    else:
        if journal.lost:
            journal.keep(len(journal.events))
    verbose, oracle.verbose = oracle.verbose, 0  # nobody is to be told of it again
    _replay(oracle, journal.events[1:])
    oracle.verbose = verbose
    _Recorder(oracle, journal)
    return journal


def note(journal: Journal, settings: dict) -> None:
    """Add this event, which there can be once; another one of its kind is refused as above."""
    kind = settings["event"]
    before = [event for event in journal.events if event["event"] == kind]
    if before:
        _compare(before[0], settings, journal.path)
    else:
        journal.add(settings)


def _compare(stored, given, path):
    names = [name for name in given | stored if given.get(name) != stored.get(name)]
    if names:
        differences = "; ".join(
            f"{name} {given.get(name)!r} instead of {stored.get(name)!r}" for name in names
        )
        raise UserError(
            f"{path.parent} holds another search: {differences}. Give the settings of that search "
            "to continue it, or another folder."
        )


def _replay(oracle, events):
    ended = {event["trial"] for event in events if event["event"] == "end"}
    # Of a trial that was made again because its end was lost, KerasTuner would take the mean.
    last = {(e["trial"], e["step"]): i for i, e in enumerate(events) if e["event"] == "update"}
    populate_space = oracle.populate_space
    for number, event in enumerate(events):
        name, trial_id = event["event"], event["trial"]
        if name == "create":
            _create_again(oracle, trial_id, event["values"], populate_space)
        elif name == "update" and trial_id in ended and last[trial_id, event["step"]] == number:
            oracle.update_trial(trial_id, event["metrics"], step=event["step"])
        elif name == "end":
            trial = kt.engine.trial.Trial(
                kt.HyperParameters.from_config(event["hyperparameters"]), trial_id, event["status"]
            )
            trial.message = event["message"]
            oracle.end_trial(trial)
    oracle.populate_space = populate_space
    # Those that had begun are the next ones, the first of them first.
    oracle._retry_queue += [
        trial.trial_id for trial in reversed(list(oracle.ongoing_trials.values()))
    ]
    oracle.ongoing_trials, oracle.tuner_ids = {}, set()


def _create_again(oracle, trial_id, values, populate_space):
    trial = oracle.trials.get(trial_id)
    if trial and trial_id in oracle._retry_queue:
        oracle._retry_queue.remove(trial_id)
        trial.status = "RUNNING"
        oracle.ongoing_trials[f"tuner of {trial_id}"] = trial
    elif not trial:

        def populated(next_id):
            populate_space(next_id)  # the oracle's own state moves on
            return {"status": "RUNNING", "values": values}

        oracle.populate_space = populated
        oracle.create_trial(f"tuner of {trial_id}")


class _Recorder:
    """Stands between those who ask and an oracle, and writes into the journal."""

    def __init__(self, oracle, journal):
        self.journal, self.oracle = journal, oracle
        self.created = {each["trial"] for each in journal.events if each["event"] == "create"}
        self.create, self.update, self.end = (
            oracle.create_trial,
            oracle.update_trial,
            oracle.end_trial,
        )
        oracle.create_trial = self.create_trial
        oracle.update_trial = self.update_trial
        oracle.end_trial = self.end_trial
        # The journal takes the place of these.
        oracle.save = oracle._save_trial = lambda *_: None

    def create_trial(self, tuner_id):
        trial = self.create(tuner_id)
        # Who was started again gets the trial that it was at; what a full disk refused is written.
        if trial.status == "RUNNING" and trial.trial_id not in self.created:
            values = trial.hyperparameters.values
            self.journal.add({"event": "create", "trial": trial.trial_id, "values": values})
            self.created.add(trial.trial_id)
        return trial

    def update_trial(self, trial_id, metrics, step=0):
        metrics = {name: float(value) for name, value in dict(metrics).items()}
        self.journal.add({"event": "update", "trial": trial_id, "metrics": metrics, "step": step})
        return self.update(trial_id, metrics, step=step)

    def end_trial(self, trial):
        self.journal.add(
            {
                "event": "end",
                "trial": trial.trial_id,
                "status": trial.status,
                "message": trial.message,
                "hyperparameters": trial.hyperparameters.get_config(),
            }
        )
        return self.end(trial)
