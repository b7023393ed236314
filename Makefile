# Each target installs what it needs by itself; README.md says what they are for.
.PHONY: demo lint test bare coverage test-content test-content-long test-images test-xen test-xen-long test-kills newest constraints messages docs \
	picture bench

PYTEST = .venv/bin/python -m pytest

demo:                  ## a class on this machine; TOUR=1: played by itself
	@scripts/setup demo
	@.venv/bin/trainbot demo $(if $(TOUR),--tour) $(DEMO)

lint:                  ## ruff (rules in pyproject.toml), its formatter, mypy --strict
	@scripts/setup lint
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

test:                  ## all fast tests, real servers and one real machine included
	@scripts/setup test
	$(PYTEST) -n 3 --dist loadfile $(ARGS)

bare:                  ## both of the above in a bare Debian (SUITE=trixie: in that one), as an ordinary user; by root
	@scripts/bare $(or $(SUITE),bookworm)

coverage:              ## what the fast tests run of each folder, branches counted
	@scripts/setup test
	-$(PYTEST) -n 2 --dist loadfile --cov --cov-report= $(ARGS)
	@.venv/bin/python scripts/coverage

test-content:          ## one shipped exercise, step by step, and a class, in real labs
	@scripts/setup test
	$(PYTEST) -m content -n 2 --dist load $(ARGS)

test-content-long:     ## every step of every shipped exercise, in a real lab
	@scripts/setup test
	$(PYTEST) -m "content or contentlong" -n 2 --dist load $(ARGS)

test-images:           ## a cloud image is imported and booted, and what is published boots as its how-to says
	@scripts/setup images
	$(PYTEST) -m images $(ARGS)

test-xen:              ## labs on real Xen hosts, themselves emulated
	@scripts/setup test
	$(PYTEST) -m xen -n 2 --dist loadgroup $(ARGS)

test-xen-long:         ## host prepare, doctor, published images and a rehearsal on real Xen hosts
	@scripts/setup test
	$(PYTEST) -m xenlong $(ARGS)

test-kills:            ## kill -9: a thousand times the store, fifty times the whole bot
	@scripts/setup test
	$(PYTEST) -m kills $(ARGS)

newest:                ## the fast tests with the newest libraries that setup.cfg allows, installed beside .venv
	@scripts/setup newest
	.venv-newest/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

constraints:           ## constraints.txt, those exact versions; whoever commits it has run make newest
	@scripts/setup newest
	@.venv-newest/bin/python scripts/constraints

messages:              ## every sentence of the program that somebody may read, with its place
	@scripts/setup test
	@.venv/bin/python scripts/messages

docs:                  ## docs/commands.md from the command table
	@scripts/setup demo
	.venv/bin/python -m trainbot.ops.commands_doc > docs/commands.md

picture:               ## docs/class.svg, the picture in README.md, from a real class in the demo's prompt
	@scripts/setup picture
	.venv/bin/python scripts/picture docs/class.svg

bench:                 ## figures
	@scripts/setup test
	for script in benchmarks/*.py; do .venv/bin/python $$script; done
