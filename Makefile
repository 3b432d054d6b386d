# Each target does everything it needs, the environment included.
#   make demo       dataset, training, VOC mAP table, pictures
#   make demo-cls   the same for classification, in about a minute
#   make test       the linters, then the whole test suite
#   make test-fast  what starts no process and trains nothing
#   make lint       format, likely bugs, types and spelling
#   make fuzz       every function, class and option on wild cases, 3,000 a search
#   make sanitize   the same functions, the C under AddressSanitizer and UBSan
#   make soak       10,000 samples, 5,000 iterations, 8 threads: memory stays flat
#   make coverage   which lines and branches the suite runs
#   make mutation   operators and constants changed: do the tests notice? (hours)
#   make bench      the speed of everything against its peers, 11 minutes
#   make docs       the site, in build/site
#   make env        the environment alone
# OPS=compiled takes an older PyTorch, for which mmcv's own operators compile
# (17 minutes); STACK=openmmlab the original OpenMMLab distributions instead of the
# maintained forks: each in a folder of its own. PYTHON=... names the interpreter.

STACK ?= onedl
OPS ?= torchvision
ENV = $(patsubst openmmlab-compiled,openmmlab,$(STACK)$(patsubst \
	-torchvision,,-$(OPS)))
VENV = .venv$(if $(filter onedl%,$(ENV)),$(patsubst onedl%,%,$(ENV)),-$(ENV))
# A name on PATH may be a shim for an interpreter that is not there: try it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { echo $$python; break; }; done)
PY = $(VENV)/bin/python

DEMO = configs/faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py
DEMO_DIR = work_dirs/demo
DEMO_CLS = configs/resnet_cifar/resnet20_1xb64-loma-if-fo_digits.py
DEMO_CLS_DIR = work_dirs/demo-cls

.DEFAULT_GOAL := help
.PHONY: help env lint test test-fast fuzz sanitize soak coverage mutation bench \
	docs demo demo-cls

help:
	@sed -n 's/^#   \?//p' Makefile

env:
	@test -n "$(PYTHON)" || { echo "[make env] There is no CPython 3.10 to" \
		"3.13 on PATH: install one, or name it, as in make env" \
		"PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) tools/make_env.py $(VENV) --stack $(ENV)

# The versions are pinned with the default environment, and with no other.
lint: env
ifeq ($(ENV),onedl)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m codespell_lib
endif

# On every core; a file's tests share what they train.
PYTEST = $(PY) -m pytest -n auto --dist loadfile

test: lint
	$(PYTEST)

test-fast: env
	$(PYTEST) -m 'not slow'

fuzz: env
	$(PY) -m pytest -n auto tests/test_fuzz tests/test_functional \
		--hypothesis-profile=fuzz

sanitize: env
	$(PY) tests/sanitize.py

soak: env
	$(PY) tests/soak.py

# Processes that tests start are counted: see tool.coverage in pyproject.toml.
coverage: env
	$(PYTEST) --cov --cov-report=term:skip-covered

mutation: env
	$(PY) tests/mutation.py

# Its peers (requirements/bench.txt) go into the same environment.
bench: env data/digits-voc data/digits
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps \
		--requirement requirements/bench.txt
	$(PY) benchmarks/image.py
	$(PY) benchmarks/loader.py
	$(PY) benchmarks/labels.py
	$(PY) benchmarks/feature.py
	$(PY) benchmarks/training.py

# Sphinx and what it needs (requirements/docs.txt) go into the same environment.
# The messages of the code are listed anew; a warning is an error.
docs: env
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps \
		--requirement requirements/docs.txt
	$(PY) docs/make_errors.py
	$(PY) -m sphinx -q -W --keep-going -b html -c docs -d build/doctrees \
		. build/site
	@echo "build/site/docs/index.html"

data/digits-voc: | env
	$(PY) -m loma_mm make-digits voc $@

data/digits: | env
	$(PY) -m loma_mm make-digits folder $@

demo: env data/digits-voc
	$(PY) -m loma_mm train $(DEMO) --work-dir $(DEMO_DIR)
	$(PY) -m loma_mm browse $(DEMO) --out $(DEMO_DIR)/train_samples.png \
		--cfg-options train_dataloader.dataset.pipeline.3.prob=1
	$(PY) -m loma_mm detect $(DEMO) $(DEMO_DIR)/epoch_4.pth \
		--out $(DEMO_DIR)/detections.png
	@echo "The VOC table stands above and in $(DEMO_DIR); look at"
	@echo "  $(DEMO_DIR)/train_samples.png  training samples, each with LOMA"
	@echo "  $(DEMO_DIR)/detections.png     what the detector finds"

demo-cls: env data/digits
	$(PY) -m loma_mm train $(DEMO_CLS) --work-dir $(DEMO_CLS_DIR)
	$(PY) -m loma_mm browse $(DEMO_CLS) \
		--out $(DEMO_CLS_DIR)/train_samples.png
	@echo "The accuracy stands above and in $(DEMO_CLS_DIR); look at"
	@echo "  $(DEMO_CLS_DIR)/train_samples.png  training samples"
