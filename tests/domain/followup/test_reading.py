"""What patients text back (DOMAIN.md 6)."""

from services.followup.domain.reading import Interpretation, PromptKind, read_reply
from services.followup.domain.safety import Tier


def test_a_bare_number_is_a_score():
    reading = read_reply("6", PromptKind.MOOD)
    assert (reading.interpretation, reading.value) == (Interpretation.SCORE, 6)


def test_a_number_out_of_scale_is_never_scored():
    reading = read_reply("11", PromptKind.MOOD)
    assert (reading.interpretation, reading.value) == (Interpretation.OUT_OF_RANGE, None)


def test_item_9_pages_by_its_answer():  # 3.2
    assert read_reply("2", PromptKind.ITEM_9).screening.tier is Tier.S1
    assert read_reply("1", PromptKind.ITEM_9).screening.tier is Tier.S2
    assert read_reply("0", PromptKind.ITEM_9).screening.tier is None
