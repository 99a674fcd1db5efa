"""Training deep learning models for vision, with Keras."""

__version__ = "0.1.0"
