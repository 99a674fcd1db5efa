"""What a person sees of a search: a bar with the time left, and a line for each trial."""

from keras_course import timing
from keras_course.search import leaderboard, progress
from keras_course.search.one_model import Trainer


class Narrator(Trainer):
    """Tells in its own words what KerasTuner shows in tables."""

    def begin(self, monitor: str, search: str, trials: int, steps: int) -> None:
        """Say what will be done, and show how far it is."""
        self.monitor, self.steps = monitor, steps
        self.oracle.verbose = 0
        if search == "hyperband":
            plan = self.oracle.plan()
            self.number = sum(size for size, _, _ in plan)
            total = sum(size * (last - first) for size, first, last in plan)
        else:
            self.number = total = trials
        low, high = self.hypermodel.band
        line = f"Search: {search}, {self.number} trials with learning rates {low:.2g} to {high:.2g}"
        if search == "hyperband":
            line += "; the best third of each rung continues with its weights and optimizer"
        print(f"{line}.", flush=True)
        done = [self.oracle.trials[name] for name in self.oracle.end_order]
        if done:
            print(f"{len(done)} of them are done already; the search continues.", flush=True)
        self.bar = progress.bar(total * steps, "search", sum(map(self._length, done)))

    def on_batch_end(self, trial, model, batch, logs=None):
        self.bar.update()

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        self.tell(trial.trial_id)

    def tell(self, trial_id: str) -> None:
        """Say how a trial that has ended came out."""
        trials = [self.oracle.trials[name] for name in self.oracle.end_order]
        # One that was over before its time, or ran elsewhere, leaves steps that nobody counted.
        self.bar.update(sum(map(self._length, trials)) - self.bar.n)
        score = self.oracle.trials[trial_id].score
        row = leaderboard.row(self.history(trial_id), trial_id, score)
        result = leaderboard.result({"monitor": self.monitor}, row).strip()
        self.bar.write(
            f"trial {len(trials):2d}/{self.number}  "
            f"rate {row['learning_rate']:<8.2g}  {row['steps']} steps  {result}  "
            f"{timing.duration(row['seconds'])}"
        )

    def tell_so_far(self) -> None:
        """Say what a search that is interrupted has found."""
        found = leaderboard.Search.so_far(self.project.parent)
        board, trials = found.leaderboard, found.leaderboard["trials"]
        line = (
            f"Interrupted; {len(trials)} trials have ended. The search in {found.folder} can be "
            "continued."
        )
        if found.best_learning_rate is not None:
            score = f"{board['monitor']} {trials[0]['score']:.3g}"
            line += f" The best rate so far: {found.best_learning_rate:.2g}, {score}."
        print(line, flush=True)

    def _length(self, trial):
        values = trial.hyperparameters.values
        return self.steps * (values.get("tuner/epochs", 1) - values.get("tuner/initial_epoch", 0))
