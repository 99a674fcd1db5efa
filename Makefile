# `make demo` shows the whole course in three minutes, `make test` proves it. Both set up .venv first.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test test-jax test-all test-lessons test-faults bench lint setup clean
demo: .venv/installed
	$(BIN)/keras-course demo

test: .venv/installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

QUICK = not slow and not data and not gpu and not lessons and not faults
CUT_OFF = test_a_run_that_was_cut_off_in_any_epoch_ends_as_one_that_was_not
ON_JAX = $(addprefix tests/test_, jax.py augmentation.py benchmarks_gpu.py compare.py layers.py losses.py \
	models_alexnet.py models_densenet.py models_fastnet.py models_googlenet.py models_lenet.py \
	models_resnet.py models_simple_cnn.py models_vgg.py optimizers.py out_of_memory.py plots.py \
	preview.py quiet.py range_test.py recipes.py resume.py::$(CUT_OFF) schedules.py search.py \
	side_by_side.py training.py)
WITHOUT_TENSORFLOW = KERAS_BACKEND=jax .venv-jax/bin/python -m pytest -q -n 2

test-jax: .venv-jax/installed  ## four minutes on two cores: JAX on a machine without TensorFlow
	$(WITHOUT_TENSORFLOW) -m "$(QUICK) and not tensorflow and not compiles" $(ON_JAX)

test-all: .venv/installed-dev .venv-jax/installed  ## two hours on two cores: the slow tests too, and real CIFAR-10 where prepared
	$(BIN)/python -m pytest -q -n 2 -m "not gpu and not lessons and not faults"
	$(WITHOUT_TENSORFLOW) -m "not data and not lessons and not faults and not tensorflow" $(ON_JAX)

test-lessons: .venv/installed-lessons  ## half an hour on two cores: every lesson from top to bottom, nbgrader
	$(BIN)/keras-course staff verify --full
	$(BIN)/python -m pytest -q -m lessons

test-faults: .venv/installed-dev  ## twenty minutes on two cores: a run and a search, broken wherever they could be
	$(BIN)/python -m benchmarks.faults

bench: .venv/installed-dev  ## of this machine, in under ten minutes; the race where CIFAR-10 is prepared
	$(BIN)/python -m benchmarks.step --short
	$(BIN)/python -m benchmarks.input --short
	$(BIN)/python -m benchmarks.startup --short
	$(BIN)/python -m benchmarks.growth --short
	-$(BIN)/python -m benchmarks.race --short
	$(BIN)/python -m benchmarks.tables

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

setup: .venv/installed

SUPPORTED = $(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) \
	and 'Python 3.11 to 3.13 is needed; give one with PYTHON=python3.12')"

.venv/installed: requirements.txt pyproject.toml
	$(SUPPORTED)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

.venv/installed-lessons: .venv/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[lessons]"
	touch $@

.venv-jax/installed: requirements-jax.txt pyproject.toml
	$(SUPPORTED)
	$(PYTHON) -m venv .venv-jax
	.venv-jax/bin/pip install --quiet --disable-pip-version-check -r requirements-jax.txt pytest==9.2.0 pytest-xdist==3.8.0 scikit-learn==1.9.1
	.venv-jax/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

clean:
	rm -rf .venv .venv-jax build dist *.egg-info
