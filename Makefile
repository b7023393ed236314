# Each target installs what it needs; README.md explains the targets.
.PHONY: demo lint test bare coverage test-content test-images test-xen test-xen-long test-kills test-attacks newest constraints docs \
	picture bench

PYTEST = .venv/bin/python -m pytest

demo:                  ## run a class on this machine; TOUR=1: plays it automatically
	@scripts/setup demo
	@.venv/bin/trainbot demo $(if $(TOUR),--tour) $(DEMO)

lint:                  ## run ruff (rules in pyproject.toml), its formatter and mypy --strict
	@scripts/setup lint
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

test:                  ## run all fast tests, including real IRC servers and one real machine
	@scripts/setup test
	$(PYTEST) -n 3 --dist loadfile $(ARGS)

bare:                  ## run make demo TOUR=1 and make test in a minimal Debian (SUITE=trixie: Debian 13); needs root
	@scripts/bare $(or $(SUITE),bookworm)

coverage:              ## show the fast tests' coverage of each folder, including branches
	@scripts/setup test
	-$(PYTEST) -n 2 --dist loadfile --cov --cov-report= $(ARGS)
	@.venv/bin/python scripts/coverage

test-content:          ## run every step of every included exercise in a real lab
	@scripts/setup test
	$(PYTEST) -m content -n 2 --dist load $(ARGS)

test-images:           ## import and boot a cloud image, and boot a published image as its how-to describes
	@scripts/setup images
	$(PYTEST) -m images $(ARGS)

test-xen:              ## run labs on real Xen, in emulated hosts
	@scripts/setup test
	$(PYTEST) -m xen -n 2 --dist loadgroup $(ARGS)

test-xen-long:         ## run trainbot doctor on Xen hosts with many faults; boot published images
	@scripts/setup test
	$(PYTEST) -m xenlong $(ARGS)

test-kills:            ## kill -9 the database a thousand times and the whole bot fifty times
	@scripts/setup test
	$(PYTEST) -m kills $(ARGS)

test-attacks:          ## attack the gateway as strangers and learners would
	@scripts/setup test
	$(PYTEST) -m attacks -n 2 --dist load $(ARGS)

newest:                ## run the fast tests with the newest libraries that setup.cfg allows, in .venv-newest
	@scripts/setup newest
	.venv-newest/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

constraints:           ## write those exact versions to constraints.txt; run make newest before you commit it
	@scripts/setup newest
	@.venv-newest/bin/python scripts/constraints

docs:                  ## generate docs/commands.md from the command table
	@scripts/setup demo
	.venv/bin/python -m trainbot.ops.commands_doc > docs/commands.md

picture:               ## make docs/class.svg, the picture in README.md, from a real class in the demo
	@scripts/setup picture
	.venv/bin/python scripts/picture docs/class.svg

bench:                 ## run the benchmarks
	@scripts/setup test
	for script in benchmarks/*.py; do .venv/bin/python $$script; done
