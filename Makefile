# make demo   sets everything up, starts services of known state on loopback, audits them
# make test   passes the tests
# make bench  measures (half an hour, as root); make oracles compares with other scanners (minutes)
# make fuzz   feeds the TLS parsers with mutations of what real servers say (SECONDS=300)
# make docs   writes the pages that are made from the checks' own files
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types imports unit docs bench oracles fuzz stacks format clean debian-demo debian-test

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

unit: $(VENV)/installed-dev debian-test stacks
	$(BIN)/pytest -n 2 --dist loadfile

docs: $(VENV)/installed-dev
	UPDATE_DOCS=1 $(BIN)/pytest -q tests/test_catalogue_page.py

bench: $(VENV)/installed-dev debian-test
	@sh tests/debian-packages.sh sslscan testssl.sh iproute2 util-linux
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.sample
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.tls

oracles: $(VENV)/installed-dev debian-test stacks
	@sh tests/debian-packages.sh nodejs npm testssl.sh sslscan gnutls-bin libnss3-tools haproxy stunnel4 \
		hitch lighttpd lighttpd-mod-openssl default-jdk-headless
	$(BIN)/python -m tests.oracles.observatory
	$(BIN)/python -m tests.oracles.tls
	$(BIN)/python -m tests.oracles.engines
	$(BIN)/python -m tests.oracles.suites

fuzz: $(VENV)/installed-fuzz debian-test stacks
	$(BIN)/python -m tests.fuzz.tls --seconds $(or $(SECONDS),300)

# Old TLS libraries from PyPI, into a cache folder; what cannot be had is left out of the tests.
stacks: $(VENV)/installed-dev
	@$(BIN)/python -m tests.servers.stacks

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

debian-demo:
	@sh tests/debian-packages.sh nmap

debian-test:
	@sh tests/debian-packages.sh nmap nginx-light apache2 openssl redis-server bind9 bind9-utils chromium \
		openssh-server openssh-client vsftpd postgresql \
		mariadb-server-core slapd prosody dovecot-imapd dovecot-pop3d \
		poppler-utils libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation fonts-dejavu-core
	@# Exim would take the place of another mail server, where this machine has one.
	@test -e /usr/sbin/sendmail || sh tests/debian-packages.sh exim4-daemon-light

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

$(VENV)/installed-fuzz: $(VENV)/installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev,fuzz]"
	touch $@

clean:
	rm -rf $(VENV) demo build dist *.egg-info
