# make demo   sets everything up, starts services of known state on loopback, audits them
# make test   passes the tests
# make bench  measures (minutes); make oracles compares with other scanners (minutes)
# make docs   writes the pages that are made from the checks' own files
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types imports unit docs bench oracles format clean debian-demo debian-test

demo: $(VENV)/installed debian-demo
	$(BIN)/spbe-audit demo --output demo

test: lint types imports unit

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

imports: $(VENV)/installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/installed-dev debian-test
	$(BIN)/pytest -n 2 --dist loadgroup

docs: $(VENV)/installed-dev
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/test_catalogue_page.py

bench: $(VENV)/installed-dev debian-test
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.sample

oracles: $(VENV)/installed-dev debian-test
	@sh tests/debian-packages.sh nodejs npm testssl.sh
	$(BIN)/python -m tests.oracles.observatory
	$(BIN)/python -m tests.oracles.tls

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

debian-demo:
	@sh tests/debian-packages.sh nmap

debian-test:
	@sh tests/debian-packages.sh nmap nginx-light apache2 openssl redis-server bind9 bind9-utils chromium \
		openssh-server openssh-client vsftpd postgresql

$(VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spbe-audit needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) demo build dist *.egg-info
