"""The text that the engine writes: one word a token, the same words for the same request."""

WORDS = tuple(
    f" {word}".encode()
    for word in (
        "about", "after", "amber", "bread", "brick", "chair", "cloud", "coals", "craft", "earth", "ember",
        "field", "flame", "glass", "grain", "heart", "house", "light", "maple", "night", "oaken", "quiet",
        "river", "roast", "shade", "slate", "smoke", "stone", "sugar", "table", "thyme", "water",
    )
)  # fmt: skip
"""All of one length: a chunk's size is known before its word is."""
WORD_BYTES = 6


def word(seed: int, position: int) -> bytes:
    """The token at ``position`` (from 0), with the blank before it."""
    return WORDS[(seed + position * 7) & 31]


def text(seed: int, start: int, end: int) -> bytes:
    """Tokens ``start`` up to ``end``."""
    return b"".join([WORDS[(seed + position * 7) & 31] for position in range(start, end)])
