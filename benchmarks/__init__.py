"""Measurements that anyone can repeat; what they write is in docs/results."""

from keras_course import quiet

quiet.import_keras()
