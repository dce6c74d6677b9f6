"""What no file of the repository may hold."""

import re
import subprocess

import pytest

from tests.builders import ROOT

HOSTS = re.compile("|".join(("py" + "pi" + r"\.org", "python" + "hosted", "registry" + r"\.npm", "npm" + "js" + r"\.")))
MACHINE = re.compile(r"(?<![\w$}\"'])/(?:ro" + r"ot|ho" + r"me|wo" + r"rk|Us" + r"ers)/[\w.]")
KEYS = re.compile("-----BEGIN [A-Z ]*PRIVATE" + " KEY|AKIA[0-9A-Z]{16}|SG\\.[\\w-]{22}\\.|sk_" + "live_")


def tracked():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern, paths):
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a working copy knows what is tracked")
@pytest.mark.parametrize("pattern", [HOSTS, MACHINE, KEYS], ids=["registry host", "path of one machine", "secret"])
def test_no_tracked_file_names_a_registry_a_machine_or_a_secret(pattern):
    assert lines_with(pattern, tracked()) == []


def test_lock_files_hold_hashes_and_no_addresses():
    for path in sorted(ROOT.glob("requirements*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        pinned = re.findall(r"^[a-z0-9][\w.-]*(?:\[[\w,-]+\])?==", text, re.MULTILINE | re.IGNORECASE)
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)


def test_each_larger_lock_contains_the_smaller():
    def pins(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9][\w.-]*(?:\[[\w,-]+\])?==[^\s;\\]+)", text, re.MULTILINE | re.IGNORECASE))

    assert pins("requirements.txt") < pins("requirements-otel.txt") < pins("requirements-dev.txt")


def test_tests_never_sleep_to_wait():
    naps = re.compile(r"\b(?:asyncio|time)\.sleep\((?!0\)|0\.[0-2]\d*\))")
    excused = re.compile(r"#.*(?:long enough|may not survive|no event tells|pace)")
    found = []
    for path in (ROOT / "tests").rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}"
            for n, line in enumerate(lines, 1)
            if naps.search(line) and not excused.search(line)
        ]
    assert found == []


def test_there_is_no_drawer_for_odds_and_ends():
    names = {path.name for path in tracked()} if (ROOT / ".git").exists() else set()
    assert not names & {"utils.py", "helpers.py", "misc.py", "common.py"}
