"""Bookings flow while everything around them breaks; then the provider's ledger is held against the oracle."""

import os
import sys
import time

import pytest

from tests.chaos.driver import Chaos
from tests.chaos.world import morning_after

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

SEED = int(os.environ.get("AFTERCARE_CHAOS_SEED", "20261123"))
MINUTES = float(os.environ.get("AFTERCARE_CHAOS_MINUTES", "0"))


@pytest.mark.timeout(180 + 120 * MINUTES)
async def test_nothing_is_lost_doubled_late_or_a_ghost(world):
    """One run in the quick form; with AFTERCARE_CHAOS_MINUTES, run after run with one seed after the other."""
    deadline = time.monotonic() + 60 * MINUTES
    seed = SEED
    while True:
        await world.set_clock(morning_after(world.now, weekday=seed % 5))
        chaos = Chaos(world, seed) if not MINUTES else Chaos(world, seed, patients=60, days=9)
        broken = await chaos.run()
        texts = [text for text in await world.texts() if text.to in chaos.cast.patients]
        sys.stdout.write(f"\nAFTERCARE_CHAOS_SEED={seed} events {len(chaos.cast.spoken)} texts {len(texts)}\n")
        sys.stdout.write(f"  done to it: {dict(sorted(chaos.broken.items()))}\n")
        assert not broken, f"AFTERCARE_CHAOS_SEED={seed}:\n" + "\n".join(map(str, broken))
        assert len(texts) > chaos.patients
        if time.monotonic() >= deadline:
            return
        seed += 1
