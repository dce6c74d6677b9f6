"""What a word becomes under hurried thumbs."""

_SHORTEST = 4


def typos_of(word: str) -> frozenset[str]:
    """Return a word with one letter left out, doubled or swapped with the next; its first letter stays.

    Other letters in place of the right ones are left alone: too often that makes another word ("chance", "think").
    """
    places = range(1, len(word))
    left_out = {word[:at] + word[at + 1 :] for at in places}
    doubled = {word[:at] + word[at] + word[at:] for at in places}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places if at + 1 < len(word)}
    return frozenset(typo for typo in left_out | doubled | swapped if len(typo) >= _SHORTEST and typo != word)
