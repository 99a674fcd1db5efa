"""Keep TensorFlow's start-up messages away from people who cannot act on them."""

import os
import sys
import tempfile


def import_keras() -> None:
    """Import Keras and TensorFlow; what they print meanwhile is shown only if that fails.

    TensorFlow writes some messages before it reads its own log level, past Python's `sys.stderr`,
    so the file descriptor itself is turned away for the time of the import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as noise:
        stderr = os.dup(2)
        os.dup2(noise.fileno(), 2)
        try:
            import keras
            import tensorflow
        except BaseException:
            noise.seek(0)
            os.write(stderr, noise.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    tensorflow.get_logger().setLevel("ERROR")
    keras.utils.disable_interactive_logging()
