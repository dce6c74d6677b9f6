"""A patient's answers and words: all of them on request, none of them after an erasure."""

import pytest

from shared.kernel.errors import PermanentError
from shared.messages.patient import ERASE, EXPORT
from shared.postgres import patient_requests
from tests.followup_room import ANA

FRIDAY = "2026-12-04 12:10"


async def answered(room):
    await room.infused(FRIDAY)
    await room.until("2026-12-04 16:10")
    await room.send()
    await room.reply("1")


async def asked(room, kind, request_id="r-1"):
    await room.take(kind, {"clinic_id": "harbor", "patient_ref": ANA, "request_id": request_id, "who": "front desk"})


async def exported(room, request_id="r-1"):
    async with room.database.transaction() as connection:
        return await patient_requests.fetch_export(connection, room.database.sealer, request_id)


async def test_an_export_holds_answers_and_words(room):
    await answered(room)
    await asked(room, EXPORT)
    content = await exported(room)
    assert [reply["content"] for reply in content["replies"]] == ["1"]
    assert [row["value"] for row in content["answers"]] == [1]
    assert len(content["infusions"]) == 1


async def test_after_an_erasure_nothing_is_left_and_nothing_is_asked(room):
    await answered(room)
    await asked(room, ERASE)
    room.published.clear()
    await room.until("2026-12-12 12:00")
    assert room.plans("checkins:") == []
    await asked(room, EXPORT, "r-2")
    content = await exported(room, "r-2")
    assert (content["checkins"], content["answers"], content["scores"]) == ([], [], [])
    assert [reply["content"] for reply in content["replies"]] == [""]


async def test_nobody_is_erased_while_a_case_of_theirs_is_open(room):
    await answered(room)
    await room.reply("I want to kill myself")
    with pytest.raises(PermanentError, match="open"):
        await asked(room, ERASE)


async def test_somebody_who_never_had_an_infusion_has_nothing_here(room):
    await asked(room, EXPORT)
    await asked(room, ERASE, "r-2")
    assert (await exported(room))["replies"] == []
