"""Sealed values in real rows: no key, no reading; moved or altered, no reading; keys rotate while all stays readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking_events import store
from shared.kernel.errors import ConfigurationError
from shared.postgres.database import Database
from shared.postgres.sealing import Sealer, SealingKey, UnsealError, parse_sealing_keys, sealed_with
from tests.builders import patient

OLD, NEW = SealingKey("old", bytes(range(32))), SealingKey("new", bytes(range(1, 33)))


@pytest.fixture
async def bookings(database_url):
    async with Database(database_url, schema="booking_events", sealer=Sealer([OLD]), size=2) as database:
        yield database


async def contacts(database):
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT patient_ref, contact FROM patients ORDER BY patient_ref")
        return {row["patient_ref"]: bytes(row["contact"]) for row in await cursor.fetchall()}


async def read(connection, sealer, patient_ref):
    return (await store.lock_patient(connection, sealer, patient_ref)).patient


async def test_nothing_personal_stands_in_the_table(bookings):  # S9, I15
    async with bookings.transaction() as connection:
        await store.save_patient(
            connection, bookings.sealer, patient(given_name="CANARYNAME", email="canary@example.org")
        )
    dumped = str(await contacts(bookings)).lower()
    for canary in ("canary", "12125550123", "example.org"):
        assert canary not in dumped


async def test_a_value_moved_to_another_row_opens_nowhere(bookings):  # S9
    async with bookings.transaction() as connection:
        await store.save_patient(connection, bookings.sealer, patient(patient_ref="pt_1"))
        await store.save_patient(connection, bookings.sealer, patient(patient_ref="pt_2", given_name="Bo"))
        await connection.execute(
            "UPDATE patients SET contact = (SELECT contact FROM patients WHERE patient_ref = 'pt_2') WHERE patient_ref = 'pt_1'"
        )
    async with bookings.transaction() as connection:
        with pytest.raises(UnsealError, match="moved"):
            await read(connection, bookings.sealer, "pt_1")
        assert (await read(connection, bookings.sealer, "pt_2")).given_name == "Bo"


async def test_keys_rotate_while_everything_stays_readable_and_findable(bookings):  # S10, S11
    old, both, new = Sealer([OLD]), Sealer([NEW, OLD]), Sealer([NEW])
    async with bookings.transaction() as connection:
        await store.save_patient(connection, old, patient())
        await store.save_alias(connection, old.lookup("alias"), "pt_1")
        assert await store.find_patient_ref(connection, both.lookups("alias")) == "pt_1"
        assert (await read(connection, both, "pt_1")).given_name == "Ana"
        with pytest.raises(UnsealError, match="'old', which is not among"):
            await read(connection, new, "pt_1")
        await store.save_patient(connection, both, patient(given_name="Anna"))
    assert sealed_with((await contacts(bookings))["pt_1"]) == "new"
    async with bookings.transaction() as connection:
        assert (await read(connection, new, "pt_1")).given_name == "Anna"


@given(st.binary(max_size=200), st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_value_altered_in_any_byte_does_not_open(plain, where, flip):
    sealer = Sealer([OLD])
    sealed = bytearray(sealer.seal(plain, place="a"))
    assert sealer.open(sealed, place="a") == plain
    sealed[where % len(sealed)] ^= flip
    with pytest.raises(UnsealError):
        sealer.open(bytes(sealed), place="a")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(junk):
    with pytest.raises(UnsealError):
        Sealer([OLD]).open(junk, place="a")


def test_the_same_value_is_sealed_differently_each_time():
    sealer = Sealer([OLD])
    assert sealer.seal("x", place="a") != sealer.seal("x", place="a")


@pytest.mark.parametrize("text", ["", "CANARY", "a:CANARY", "a:c2hvcnQ=", "a b:" + "A" * 44, ":" + "A" * 44])
def test_keys_that_cannot_be_read_are_named_by_their_place_and_not_shown(text):
    with pytest.raises(ConfigurationError, match="AFTERCARE_SEALING_KEYS") as error:
        parse_sealing_keys(text)
    assert "CANARY" not in str(error.value)
