"""Migrations are numbered without gaps and say nothing that would lock a clinic out."""

import re

import pytest

from cli.stack import MIGRATIONS
from tests.builders import ROOT

FOLDERS = {"shared": ROOT / "shared" / "postgres" / "migrations", **MIGRATIONS}


@pytest.mark.parametrize("name", FOLDERS)
def test_they_are_numbered_from_one_without_gaps(name):
    files = sorted(path.name for path in FOLDERS[name].glob("*.sql"))
    assert files, "a service without tables needs no folder"
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", file) for file in files)
    assert [int(file[:4]) for file in files] == list(range(1, len(files) + 1))


def test_every_service_with_tables_is_migrated():
    found = {path.parent.name for path in (ROOT / "services").glob("*/migrations")}
    assert found == set(MIGRATIONS)


@pytest.mark.parametrize(
    "path",
    [p for folder in FOLDERS.values() for p in sorted(folder.glob("*.sql"))],
    ids=lambda p: f"{p.parents[1].name}-{p.stem}",
)
def test_none_ends_its_transaction_or_leaves_its_schema(path):
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"\b(COMMIT|ROLLBACK|BEGIN\s*;|VACUUM|CONCURRENTLY|SET\s+search_path)\b", text, re.IGNORECASE)
