.PHONY: help demo up test chaos check pictures lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## one patient's story on real servers; ARGS=--once ends after it
	@./demo $(ARGS)

up: ## everything on this machine, in real time; ARGS=--no-sandbox sends through the real Twilio
	@./aftercare up $(ARGS)

test: ## the whole test suite on real servers; ARGS go to pytest
	@./test $(ARGS)

chaos: ## break everything while bookings flow, for MINUTES=15, from SEED=1
	@AFTERCARE_CHAOS_MINUTES=$(or $(MINUTES),15) AFTERCARE_CHAOS_SEED=$(or $(SEED),1) ./test -s tests/chaos $(ARGS)

check: ## style, types and walls
	@bash .ci/check

pictures: ## take the documentation's pictures anew (needs chromium)
	@AFTERCARE_LOCK=requirements-dev.txt AFTERCARE_SETUP_ONLY=1 ./aftercare
	@PYTHONPATH=. .venv/bin/python docs/pictures/take.py

lock: ## resolve the locked libraries anew (needs uv)
	uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 --no-deps requirements-local.in -o requirements-local.txt
	uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 -c requirements.txt requirements-otel.in -o requirements-otel.txt
	uv pip compile -q --no-header --generate-hashes --universal --python-version 3.11 -c requirements-otel.txt requirements-dev.in -o requirements-dev.txt

clean: ## remove what running has made: the environment, the private servers, their data
	rm -rf .venv .venv.lock .aftercare .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
