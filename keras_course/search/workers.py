"""A search with several workers: KerasTuner's own distributed mode, on one machine.

The process that was started is the chief. It has the oracle and its journal, and serves them over
gRPC on the loopback interface; the port has no authentication, so no other one is used. Each worker
is a process with a GPU of its own, or its share of the cores, which asks for a trial, trains it and
hands in the result. The folder is shared.

- A worker that dies is started again and takes its trial up anew. A trial at which workers died by
  themselves three times counts as failed, as does one for which the system, out of memory, killed
  one, or that ignores its time limit. Whoever kills a worker from outside changes nothing, unless
  it is the same trial twenty times.
- A full disk is no fault of a trial's: it ends the search, and the trial stays to be done.
- When the chief ends, the workers notice and end, too; the same command goes on.

Random, grid and Hyperband try the same trials as one process does. Which rates Bayesian search
tries depends on the order in which trials end; the journal has it.
"""

import collections
import contextlib
import dataclasses
import faulthandler
import itertools
import multiprocessing
import os
import shutil
import signal
import threading
import time
from concurrent import futures

from keras_course import apart, files
from keras_course.errors import Failure, UserError
from keras_course.search import memory_kills

DEATHS = 3  # of workers at one trial, or of one worker before its first
KILLS = 20  # the same from outside
GRACE = 20  # seconds after its limit that a trial has to end by itself
IDLE = 0.2  # seconds before a worker asks again
DYING = 5  # seconds that a process with much memory may take to go
UNABLE, NO_ROOM = 2, 3  # exit codes of a worker, whose message is printed


@dataclasses.dataclass(frozen=True)
class Share:
    """What one worker computes with: the cores of these numbers, the GPU of this name or None."""

    cores: tuple[int, ...]
    gpu: str | None


def check(search: str, workers: int | None) -> None:
    """Raise a `UserError` for a search that has no work for so many workers."""
    if search == "climb" and workers is not None and workers > 1:
        raise UserError(
            f"climb tries one rate after the other: of {workers} workers, {workers - 1} would "
            "wait. Choose --search random, grid, hyperband or bayesian."
        )


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpu_names(count: int) -> list[str]:
    """Return CUDA's names of the GPUs that this process sees, which may be some of the machine's:
    numbers, or the long names of GPUs and of their parts (MIG)."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else map(str, range(count))
    return [name.strip() for name in names][:count]


def shares(workers: int, cores: list[int], gpus: list[str]) -> list[Share]:
    """Divide the cores among the workers, and hand out the GPUs in turn.

    Errors: UserError for more workers than there are cores.
    """
    if not 1 <= workers <= len(cores):
        raise UserError(
            f"workers must be at least 1 and at most {len(cores)}, the cores of this machine: each "
            f"needs one. Received: {workers}."
        )
    bounds = [number * len(cores) // workers for number in range(workers + 1)]
    return [
        Share(tuple(cores[first:last]), gpus[number % len(gpus)] if gpus else None)
        for number, (first, last) in enumerate(itertools.pairwise(bounds))
    ]


def serve(tuner, arguments: tuple, workers: int) -> None:
    """Let workers do the rest of the search of a `Narrator`, and return when all has ended.

    arguments: plain values for `tune.work`, which each worker calls.
    """
    from keras_course import devices

    given = shares(workers, cores(), gpu_names(len(devices.gpus())))
    chief, team = _Chief(tuner), []
    with chief.serving("127.0.0.1:0") as port:
        try:
            team += [
                _Worker(number, one, port, arguments, chief) for number, one in enumerate(given)
            ]
            while not all([worker.has_finished() for worker in team]):  # each is looked after
                chief.raise_its_error()
                time.sleep(0.05)
        finally:
            for worker in team:
                worker.end()


def serve_others(tuner) -> None:
    """Be the chief of workers that somebody else starts, on other nodes, as KerasTuner's variables
    say; return when all trials have ended."""
    address = f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}"
    chief = _ChiefOfOthers(tuner)
    with chief.serving(address):
        print(f"The chief waits for workers at {address}.", flush=True)
        while not chief.servicer.stop_triggered or tuner.oracle.ongoing_trials:
            chief.raise_its_error()
            time.sleep(0.1)
        told = time.monotonic()
        while tuner.oracle.tuner_ids and time.monotonic() - told < GRACE:
            time.sleep(0.1)  # those who have not heard yet that all is done


def is_worker() -> bool:
    """Return whether KerasTuner's variables say that this process is a worker of a chief."""
    return "KERASTUNER_ORACLE_IP" in os.environ and not is_chief()


def is_chief() -> bool:
    """Return whether KerasTuner's variables say that this process is the chief."""
    return "chief" in os.environ.get("KERASTUNER_TUNER_ID", "")


class _Chief:
    """Answers the workers, one at a time, and tells how each trial came out."""

    def __init__(self, tuner):
        self.tuner, self.lock = tuner, threading.RLock()
        self.begun = {}  # when each worker began its trial
        self.error = None  # of the chief, like a full disk; gRPC would tell the worker alone
        self.servicer = self._servicer()

    @contextlib.contextmanager
    def serving(self, address):
        """Answer at the address during the block; give the port, which port 0 leaves open."""
        import grpc
        from keras_tuner.src import protos

        server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
        protos.get_service_grpc().add_OracleServicer_to_server(self.servicer, server)
        port = server.add_insecure_port(address)
        server.start()
        try:
            yield port
        finally:
            server.stop(None)

    def raise_its_error(self):
        if self.error:
            raise self.error

    def _servicer(self):
        from keras_tuner.src.distribute.oracle_chief import OracleServicer

        chief = self

        class Servicer(OracleServicer):
            def CreateTrial(self, request, context):  # noqa: N802
                with chief.at_work():
                    chief.is_asked(request.tuner_id)
                    return super().CreateTrial(request, context)

            def UpdateTrial(self, request, context):  # noqa: N802
                with chief.at_work():
                    return super().UpdateTrial(request, context)

            def EndTrial(self, request, context):  # noqa: N802
                with chief.at_work():
                    response = super().EndTrial(request, context)
                    chief.tuner.tell(request.trial.trial_id)
                    return response

        return Servicer(self.tuner.oracle)

    def is_asked(self, name):
        """Note that a worker asks for a trial."""
        self.begun[name] = time.monotonic()

    @contextlib.contextmanager
    def at_work(self):
        with self.lock:
            try:
                yield
            except Exception as error:
                self.error = error
                raise

    def trial_of(self, name):
        """Return the trial that a worker is at, or None, and for how many seconds."""
        with self.lock:
            trial = self.tuner.oracle.ongoing_trials.get(name)
            return trial, time.monotonic() - self.begun.get(name, time.monotonic())

    def give_up(self, trial, reason):
        """Let a trial count as failed, unless it has come to its end after all."""
        with self.lock:
            ongoing = self.tuner.oracle.ongoing_trials.values()
            if all(each.trial_id != trial.trial_id for each in ongoing):
                return
            self.tuner.give_up(trial, "failed", reason)
            self.tuner.tell(trial.trial_id)


class _ChiefOfOthers(_Chief):
    """One that does not see its workers die: who asks while at a trial, was started again."""

    def __init__(self, tuner):
        super().__init__(tuner)
        self.deaths = collections.Counter()  # at each trial

    def is_asked(self, name):
        super().is_asked(name)
        trial = self.tuner.oracle.ongoing_trials.get(name)
        if trial is None:
            return
        self.deaths[trial.trial_id] += 1
        print(f"{name} was started again during trial {trial.trial_id}.", flush=True)
        if self.deaths[trial.trial_id] == DEATHS:
            self.give_up(trial, "its process ended again and again")


class _Worker:
    """A process that is started again when it dies."""

    def __init__(self, number, share, port, arguments, chief):
        self.name, self.chief = f"worker{number}", chief
        self.share, self.port, self.arguments = share, port, arguments
        self.deaths = self.kills = 0
        self.at = None
        self._start()

    def _start(self):
        self.memory_kills, self.counted = [memory_kills.count()] * 2, time.monotonic()
        self.chief.begun.pop(self.name, None)  # the time of its trial begins when it asks for one
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        told = (self.name, self.share, self.port, os.getpid(), here)
        self.process = context.Process(target=_run, args=told, daemon=True)
        self.process.start()
        here.close()
        # Images fill a pipe, and one that dies at its start reads nothing.
        threading.Thread(target=_give, args=(there, self.arguments), daemon=True).start()

    def has_finished(self):
        """Return whether it has come to its end; see to it that it does."""
        trial, seconds = self.chief.trial_of(self.name)
        limit = self.chief.tuner.trial_seconds
        if trial is not None and limit is not None and seconds > limit + GRACE:
            self.process.kill()
            self.process.join()
            self.chief.give_up(trial, f"it took longer than {limit:g} s and had to be killed")
            self._start()
            return False
        code = self.process.exitcode
        if code == UNABLE:
            raise UserError(
                "A worker could not begin: its message is above. Fix the cause, then run the same "
                "command to continue."
            )
        if code == NO_ROOM:
            project = self.chief.tuner.project
            raise files.DiskFull(project, 0, shutil.disk_usage(project).free)
        if code is None:
            self._count_memory_kills()
        elif code:
            self._died(trial, code)
        return code == 0

    def _count_memory_kills(self):
        """Know how many processes had been killed for memory before one that dies now could be."""
        if time.monotonic() - self.counted > DYING:
            self.memory_kills = [self.memory_kills[1], memory_kills.count()]
            self.counted = time.monotonic()

    def _died(self, trial, code):
        at = trial.trial_id if trial else None
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        what = f"trial {at}" if trial else "its start"
        print(f"{self.name} {ended} during {what}; it is started again.", flush=True)
        before = self.memory_kills[0]
        full = code == -signal.SIGKILL and before is not None and memory_kills.count() > before
        if at != self.at:
            self.at, self.deaths, self.kills = at, 0, 0
        if code in (-signal.SIGKILL, -signal.SIGTERM) and before is not None:
            self.kills += 1
        else:
            self.deaths += 1
        often = self.deaths >= DEATHS or self.kills >= KILLS
        if trial is None and often:
            raise Failure(
                f"{self.name} {ended}, again and again, before its first trial. Try --workers 1, "
                "or leave out --workers: the same search continues."
            )
        if trial is not None and (full or often):
            why = "the memory was full" if full else "again and again"
            self.chief.give_up(trial, f"its process {ended}: {why}")
        self._start()

    def end(self):
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()


def _give(pipe, arguments):
    """Send a worker what it has to know, unless it dies meanwhile."""
    with contextlib.suppress(OSError), pipe:
        pipe.send(arguments)


def _run(name, share, port, chief, pipe):
    """Be a worker: this is the whole life of its process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share.cores)  # before TensorFlow counts them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the chief ends them
    if share.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = share.gpu
    os.environ.update(
        KERASTUNER_TUNER_ID=name,
        KERASTUNER_ORACLE_IP="127.0.0.1",
        KERASTUNER_ORACLE_PORT=str(port),
        no_grpc_proxy="127.0.0.1",  # which gRPC would ask the proxy of the network for
    )
    threading.Thread(target=apart.end_with, args=(chief,), daemon=True).start()
    from keras_course import quiet

    quiet.import_keras()
    if code := do_part(*pipe.recv()):
        os._exit(code)


def do_part(*arguments) -> int:
    """Call `tune.work` with these arguments; return the exit code of this worker's process: 0, or
    UNABLE or NO_ROOM after a message, where to start it again would be of no use."""
    from keras_course.search import tune

    try:
        tune.work(*arguments)
    except (UserError, files.DiskFull) as error:
        print(f"{os.environ['KERASTUNER_TUNER_ID']}: {error}", flush=True)
        return UNABLE if isinstance(error, UserError) else NO_ROOM
    return 0


def patient(tuner) -> None:
    """Let a worker's tuner wait a moment where KerasTuner asks at once whether there is a trial."""
    create_trial = tuner.oracle.create_trial

    def waiting(tuner_id):
        trial = create_trial(tuner_id)
        if trial.status == "IDLE":
            time.sleep(IDLE)
        return trial

    tuner.oracle.create_trial = waiting


def ends_itself(tuner) -> None:
    """Let a worker's process end, telling where it was, at a trial that ignores its time limit.

    A chief on the same machine kills it first; one on another node only hears that its worker was
    started again.
    """
    run_trial = tuner.run_trial

    def watched(trial, *args, **kwargs):
        faulthandler.dump_traceback_later(tuner.trial_seconds + 2 * GRACE, exit=True)
        try:
            return run_trial(trial, *args, **kwargs)
        finally:
            faulthandler.cancel_dump_traceback_later()

    if tuner.trial_seconds is not None:
        tuner.run_trial = watched
