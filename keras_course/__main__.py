"""`python -m keras_course` is the command `keras-course`."""

import sys

from keras_course.cli import main

sys.exit(main())
