"""A real browser: Debian's Chromium, driven by Playwright. Skipped where there is none, but never in CI."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import async_playwright

from services.console.domain.access import Role
from tests.builders import ROOT
from tests.console.room import open_console
from tests.console.test_work import SECRET, a_followup
from tests.rooms import open_rooms

AXE = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


@pytest.fixture(scope="session")
async def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium here: apt-get install --no-install-recommends chromium fonts-dejavu-core"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The accessibility checker, fetched once at the version that is pinned here."""
    kept = ROOT / ".aftercare" / f"axe-{AXE}.min.js"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm here to fetch axe-core with")
        folder = tmp_path_factory.mktemp("axe")
        fetched = subprocess.run(
            [npm, "pack", "--silent", f"axe-core@{AXE}"], cwd=folder, capture_output=True, check=False
        )
        if fetched.returncode != 0:
            pytest.skip("npm cannot fetch axe-core")
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            kept.write_bytes(archive.extractfile("package/axe.min.js").read())
    script = kept.read_bytes()
    assert hashlib.sha256(script).hexdigest() == AXE_SHA256
    return script.decode()


@pytest.fixture
async def rooms(database_url, sealer):
    async with open_rooms(database_url, sealer) as opened:
        yield opened


@pytest.fixture
async def console(servers, database_url, amqp_url, sealer):
    async with (
        a_followup([]) as url,
        open_console(
            *(database_url, amqp_url, sealer),
            management_url=servers.addresses.management_url,
            followup_url=url,
            followup_token=SECRET,
        ) as opened,
    ):
        yield opened


@pytest.fixture
def visit(chromium, console):
    """Open a signed-in browser window; whatever its console complains of fails the test."""

    @asynccontextmanager
    async def open_window(role=Role.ADMIN, *, width=1280, height=860, scripts=True, scheme="light"):
        context = await chromium.new_context(
            viewport={"width": width, "height": height},
            base_url=console.url,
            java_script_enabled=scripts,
            color_scheme=scheme,
        )
        window = await context.new_page()
        complaints = []
        window.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        window.on("pageerror", lambda error: complaints.append(str(error)))
        await window.goto(await console.link(role))
        await window.get_by_role("button", name="Open").click()
        await window.wait_for_url(f"{console.url}/")
        yield window
        await context.close()
        assert complaints == []

    return open_window
