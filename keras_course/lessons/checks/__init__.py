"""One file of checks for each lesson; a check `NAME` judges the function or class `NAME`."""
