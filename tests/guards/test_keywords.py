"""The notifier acts on keywords, followup reads everything: what is a keyword to one is the same wish to the other."""

import pytest

from services.followup.domain.reading import PromptKind, read_reply
from services.notifier.domain.keyword import HELP, OPT_IN, OPT_OUT

WISHES = {"opt_out": OPT_OUT, "opt_in": OPT_IN, "help": HELP}


@pytest.mark.parametrize(("wish", "word"), [(wish, word) for wish, words in WISHES.items() for word in sorted(words)])
@pytest.mark.parametrize("prompt", PromptKind)
def test_both_services_understand_a_keyword_alike(wish, word, prompt):
    assert read_reply(word.upper(), prompt).interpretation == wish
