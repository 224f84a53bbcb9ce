"""Prompts of an exact length that share exactly what the trace says they share.

Every segment (a prefix of the trace, or the rest of one request's prompt) is a slice of one seeded stream of
words, behind a mark that no other segment has. So two prompts are equal as far as their prefix chains are
equal, and differ from the next segment's first words on: a prefix cache keyed by blocks from the start of
the prompt finds what the trace shares and nothing else.

Words are rendered once, all as wide as each other, so that a prompt costs one copy of bytes: 14,050 tokens
take 4 µs, where encoding a list of integers would take a millisecond.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from simulations.requests import Trace
from simulations.rng import stream

STARTS = 65_536
"""Places in the stream at which a segment may begin."""
_SPREAD = 40_503
"""Odd, hence coprime to :data:`STARTS`: neighbours begin far apart (2^16 / φ; Knuth, TAOCP 6.4)."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A vocabulary: each word as JSON text, all of one width, separator included."""

    rendered: tuple[bytes, ...]
    separator_bytes: int
    """How much of the last word is left away."""

    @property
    def width_bytes(self) -> int:
        """Of every word."""
        return len(self.rendered[0])


def token_ids(vocabulary: int) -> Words:
    """Ids from a tenth of the vocabulary up: low ids are special tokens and bytes in most tokenizers.

    ``vocabulary`` 1000: the ids 100 to 999, which every model has.
    """
    width = len(str(vocabulary - 1))
    words = tuple(f"{i:>{width}},".encode() for i in range(max(1, vocabulary // 10), vocabulary))
    return Words(rendered=words, separator_bytes=1)


@lru_cache(maxsize=1)
def letters() -> Words:
    """Three letters and a space: four bytes, about one token of English in any tokenizer."""
    words = (f"{a}{b}{c} ".encode() for a in _LETTERS for b in _LETTERS for c in _LETTERS)
    return Words(rendered=tuple(words), separator_bytes=1)


class Prompts:
    """The prompt of each request of a trace, as bytes that go between JSON brackets or quotes."""

    def __init__(self, trace: Trace, words: Words, seed: int) -> None:
        self._trace = trace
        self._words = words
        longest = max(trace.input_tokens, default=0)
        draws = stream(seed, "load.words")
        self._stream = b"".join(draws.choices(words.rendered, k=STARTS + longest))

    def render(self, index: int) -> bytes:
        """The prompt of request ``index``: ``input_tokens`` words, without the last separator."""
        whole = b"".join(self._segments(index))
        return whole[: len(whole) - self._words.separator_bytes]

    def _segments(self, index: int) -> Iterator[bytes]:
        left = self._trace.input_tokens[index]
        for name, tokens in self._trace.prefixes[index] if self._trace.prefixes else ():
            taken = min(tokens, left)
            yield self._segment(2 * name, taken)
            left -= taken
        yield self._segment(2 * index + 1, left)

    def _segment(self, number: int, tokens: int) -> bytes:
        width = self._words.width_bytes
        start = number * _SPREAD % STARTS
        text = self._mark(number) + self._stream[start * width : (start + tokens) * width]
        return text[: tokens * width]

    def _mark(self, number: int) -> bytes:
        """Three words that no other segment begins with: 900 words tell 729 million apart."""
        rendered = self._words.rendered
        number, low = divmod(number, len(rendered))
        high, middle = divmod(number, len(rendered))
        return rendered[low] + rendered[middle] + rendered[high % len(rendered)]
