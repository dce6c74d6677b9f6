# One image for every service, the sandbox, and the command line. The start command chooses.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app

# The lock file alone, so that a change of ours does not install the libraries anew.
# It includes what sends traces, which nothing loads until it is switched on; LOCK=requirements.txt leaves it out.
ARG LOCK=requirements-otel.txt
COPY ${LOCK} lock.txt
RUN pip install --quiet --disable-pip-version-check --require-hashes -r lock.txt

COPY shared shared
COPY services services
COPY sandbox sandbox
COPY cli cli
COPY config config
# The console shows it beside what it speaks of.
COPY docs/runbook.md docs/runbook.md

# The sandbox's ledger is a volume that takes its owner from here. All else may be read-only.
RUN mkdir /ledger && chown 10001:10001 /ledger

USER 10001:10001
CMD ["python", "-m", "cli", "--help"]
