"""Training deep learning models for vision, with Keras."""

import os

__version__ = "0.1.0"

# Take the memory of a GPU as it is needed, so that several processes can share it: JAX would take
# three quarters of it at once, and TensorFlow all. Read when the first of them computes.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
