# Each target installs what it needs; README.md explains the targets.
.PHONY: demo lint test bare coverage test-content test-content-long test-images test-images-long test-xen test-xen-long test-kvm test-kills \
	test-standby test-attacks test-storm test-storm-long test-class soak newest constraints ical-js docs messages picture bench deb test-deb

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

test-content-long:     ## run the steps of all the other included exercises, each in a real lab (an hour)
	@scripts/setup test
	$(PYTEST) -m contentlong -n 2 --dist load $(ARGS)

test-images:           ## import a cloud image, boot a published one as its how-to describes, rehearse an exercise in a lab
	@scripts/setup images
	$(PYTEST) -m images $(ARGS)

test-images-long:      ## what takes longer there: trainbot image try with three boots, a whole system built of RPM packages
	@scripts/setup images
	$(PYTEST) -m imageslong $(ARGS)

test-xen:              ## run labs on real Xen, in emulated hosts
	@scripts/setup test
	$(PYTEST) -m "xen and not xenlong" -n 2 --dist loadgroup $(ARGS)

test-xen-long:         ## what takes longer there: trainbot doctor on hosts with many faults, HVM, published images
	@scripts/setup test
	$(PYTEST) -m xenlong $(ARGS)

test-kvm:              ## run labs on machines with libvirt's QEMU driver, in namespaces; needs root
	@scripts/setup test
	$(PYTEST) -m kvm -n 0 -s $(ARGS)

test-kills:            ## kill -9 the database a thousand times and the whole bot fifty times
	@scripts/setup test
	$(PYTEST) -m kills $(ARGS)

test-standby:          ## kill the bot's machine in the middle of a class and take over on a second one; needs root
	@scripts/setup test
	$(PYTEST) -m standby -n 0 -s $(ARGS)

test-attacks:          ## attack the gateway as strangers and learners would
	@scripts/setup test
	$(PYTEST) -m attacks -n 2 --dist load $(ARGS)

test-class:            ## a class of thirty, twice as fast as on a real network; TRANSCRIPT=FILE writes down what everybody saw
	@scripts/setup test
	$(PYTEST) -m thirty -n 0 -s $(ARGS)

test-storm:            ## 200 learners in two classes while hosts, bot, gateway, network, disk and clock fail
	@scripts/setup test
	$(PYTEST) -m storm -n 0 -s $(ARGS)

test-storm-long:       ## the same for an hour
	@scripts/setup test
	$(PYTEST) -m stormlong -n 0 -s $(ARGS)

soak:                  ## play hours of class in minutes (MINUTES=5) and fail if memory, files or tasks grow
	@scripts/setup test
	@.venv/bin/python scripts/soak $(if $(MINUTES),--minutes $(MINUTES))

newest:                ## run the fast tests with the newest libraries that setup.cfg allows, in .venv-newest
	@scripts/setup newest
	.venv-newest/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

constraints:           ## write those exact versions to constraints.txt; run make newest before you commit it
	@scripts/setup newest
	@.venv-newest/bin/python scripts/constraints

ical-js:               ## ask ical.js again what it makes of the tests' calendars; needs node and npm
	@scripts/setup test
	@.venv/bin/python scripts/ical-js

docs:                  ## generate docs/commands.md and docs/metrics.md from the tables of commands and metrics
	@scripts/setup demo
	.venv/bin/python -m trainbot.ops.commands_doc > docs/commands.md
	.venv/bin/python -m trainbot.ops.metrics_doc > docs/metrics.md

messages:              ## print every sentence of the program that people read, with its file and line
	@python3 scripts/messages

picture:               ## make docs/class.svg, the picture in README.md, from a real class in the demo
	@scripts/setup picture
	.venv/bin/python scripts/picture docs/class.svg

deb:                   ## build a Debian package for this machine's release, in dist/
	@scripts/setup deb
	@scripts/deb

test-deb:              ## install, configure, upgrade and purge that package in a minimal Debian, and run lintian; needs root
	@scripts/setup test
	@scripts/setup deb
	$(PYTEST) -m deb -n 0 $(ARGS)

bench:                 ## run the benchmarks
	@scripts/setup test
	for script in benchmarks/*.py; do .venv/bin/python $$script; done
