"""Text of strangers, as far as it can be kept."""


def storable(text: str) -> str:
    """Return a text without what neither the queue nor the database can hold: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
