"""Import Keras on its backend, without the start-up messages that nobody can act on."""

import importlib
import os
import sys
import tempfile

from keras_course.errors import UserError

BACKENDS = ("tensorflow", "jax")


def import_keras() -> None:
    """Import Keras and its backend; what they print meanwhile is shown only if that fails.

    The backend is TensorFlow, or that of KERAS_BACKEND or Keras' own settings. TensorFlow writes
    some messages before it reads its own log level, past Python's `sys.stderr`, so the file
    descriptor itself is turned away for the time of the import.

    Errors: UserError for a backend that is not installed, or that the course does not know.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if (asked := os.environ.get("KERAS_BACKEND", "tensorflow")) not in BACKENDS:
        raise UserError(f"KERAS_BACKEND must be {' or '.join(BACKENDS)}. Received: {asked!r}.")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as noise:
        stderr = os.dup(2)
        os.dup2(noise.fileno(), 2)
        try:
            import keras

            backend = importlib.import_module(keras.backend.backend())
        except BaseException as error:
            if isinstance(error, ModuleNotFoundError):
                missing, *_ = error.name.split(".")
                if missing in BACKENDS:
                    raise _not_installed(missing) from error
                if missing == "torch":
                    raise _unknown(missing) from error
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    if keras.backend.backend() not in BACKENDS:
        raise _unknown(keras.backend.backend())
    if keras.backend.backend() == "tensorflow":
        backend.get_logger().setLevel("ERROR")
    keras.utils.disable_interactive_logging()


def _unknown(backend):
    return UserError(
        f"Keras is set to run on {backend}, by its settings in ~/.keras, but the course needs "
        f"{' or '.join(BACKENDS)}. Set the environment variable KERAS_BACKEND to one of them."
    )


def _not_installed(backend):
    (other,) = set(BACKENDS) - {backend}
    return UserError(
        f"Keras is set to run on {backend}, which is not installed. Install it with `pip install "
        f"{backend}`, or set the environment variable KERAS_BACKEND={other} if that is installed."
    )
