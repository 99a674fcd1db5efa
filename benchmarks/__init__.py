"""Measurements that anyone can repeat; what they write is in docs/results."""

import os
import sys
import tempfile
from pathlib import Path

from keras_course import quiet

if "benchmarks.gpu" in sys.orig_argv:  # what it needs must be said before Keras is imported
    os.environ.setdefault("KERAS_BACKEND", "jax")
    kept = Path(tempfile.gettempdir(), "keras-course-compiled")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(kept))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")  # many are small

quiet.import_keras()
