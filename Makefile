# Everything a developer types; `make` alone lists it. Needs make and Python 3.11 or newer: each target does the
# set-up that it needs, in .venv, and only when the locks or pyproject.toml have changed.
#   ARGS=...    passed on to the command, as in: make demo ARGS="--duration 30s"
#   PYTHON=...  the interpreter to make .venv with
#   JOBS=2      how many of the tests of `make test` run at once, file by file, each with servers of their own

# `make torture SHELL=single` names what is tortured, and make would take it for the shell of every recipe.
ifeq ($(origin SHELL),command line)
TORTURED := $(SHELL)
override SHELL := /bin/sh
endif

READY  := .venv/.ready
BIN    := .venv/bin
PYTEST := $(BIN)/python -m pytest
UV     := uv==0.13.9
JOBS   := 2

# The stamp holds the folder it was made in: after a move or a copy it is not valid.
ifneq ($(shell cat $(READY) 2>/dev/null),$(shell pwd -P))
$(READY): FORCE
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo services test test-unit prove torture pictures fuzz lint bench lock clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## virtual environment in .venv, locked dependencies, the program itself

demo: $(READY) ## a simulated fleet through the real path into SQLite, with a live board
	@$(BIN)/chargeline demo $(ARGS)

services: ## RabbitMQ, InfluxDB, Kafka and smaller servers for the tests: installed and built once, outside this tree
	@.ci/services/curl
	@.ci/services/rabbitmq
	@.ci/services/influxd >/dev/null
	@.ci/services/kafka >/dev/null
	@.ci/services/compose >/dev/null
	@.ci/services/toxiproxy >/dev/null
	@.ci/services/faketime >/dev/null

test: lint services ## everything: ruff, mypy --strict, all tests but the long campaigns
	$(PYTEST) --numprocesses=$(JOBS) --dist=loadfile $(ARGS)

test-unit: $(READY) ## the tests that need nothing but Python
	$(PYTEST) -m "not prove and not download and not services" $(ARGS)

prove: $(READY) services ## the long campaigns: half a million deliveries, mutations, thorough properties
	$(PYTEST) -m "prove" --hypothesis-profile=thorough $(ARGS)

torture: $(READY) services ## a worker killed, starved and cut off at random, for MINUTES=30; SEED=7, SHELL=single
	$(BIN)/python -m tests.torture --minutes $(or $(MINUTES),30) --shell $(or $(TORTURED),single) $(if $(SEED),--seed $(SEED)) $(ARGS)

pictures: $(READY) services ## the dashboards drawn without Grafana, photographed by Chromium, into build/pictures
	$(BIN)/python -m tests.pictures build/pictures

fuzz: $(READY) ## fuzzing guided by coverage: decode, the fast AMQP reader, replay; each for MINUTES=15
	$(BIN)/python -m tests.fuzz $(or $(MINUTES),15)

lint: $(READY) ## ruff (rules and format) and mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY) services ## what it costs: from queue to store beside others, a trickle, large fleets, each stage (PROFILE=1)
	$(BIN)/python -m tests.bench.run_cost $(ARGS)
	$(BIN)/python -m tests.bench.steady_cost
	$(BIN)/python -m tests.bench.growth_cost
	$(BIN)/python -m tests.bench.chronicle_cost
	$(BIN)/python -m tests.bench.core_cost
	$(BIN)/python -m tests.bench.command_cost
	$(BIN)/python -m tests.bench.roles_cost

lock: ## make .ci/lock anew from pyproject.toml (ARGS=--upgrade: with the newest versions)
	@PYTHON="$(PYTHON)" UV="$(UV)" .ci/lock/make $(ARGS)

clean: ## remove what was built, .venv included; never your data
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .fuzz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml .ci/lock/dev.txt .ci/setup
	@PYTHON="$(PYTHON)" .ci/setup

FORCE:
