"""What others made and we carry is unchanged, named and licensed."""

import hashlib
import tomllib

from tests.builders import ROOT

VENDOR = ROOT / "services" / "console" / "static" / "vendor"


def test_every_vendored_file_is_the_one_that_was_published():
    manifest = tomllib.loads((VENDOR / "manifest.toml").read_text())
    known = {"manifest.toml"}
    for name, entry in manifest.items():
        assert (VENDOR / entry["licence"]).stat().st_size > 100, name
        known.add(entry["licence"])
        for file, checksum in entry["files"].items():
            assert hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == checksum, file
            known.add(file)
    assert {file.name for file in VENDOR.iterdir()} == known
