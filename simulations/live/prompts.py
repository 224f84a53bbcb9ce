"""Prompts: how many tokens they have, and which blocks of them are the same as others'.

Token ids are exact. Text has no tokenizer here: every four bytes of UTF-8 count as a token, begun fours too,
so equal beginnings of text are equal beginnings of tokens. Blocks are told apart as vLLM does it, by a hash
over the block's tokens and everything before it.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

BYTES_PER_TOKEN = 4
_HASH_BYTES = 8
MESSAGE_TOKENS = 4
"""What a chat template puts around a message: begin, role, end (Llama 3: 4 special tokens and the role)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """``data`` holds ``width`` bytes for each of its ``tokens``, the last of them maybe fewer."""

    tokens: int
    data: bytes
    width: int


def of_ids(ids: Sequence[int]) -> Prompt:
    """A prompt of token ids, as many as they are."""
    return Prompt(tokens=len(ids), data=array("Q", ids).tobytes(), width=8)


def of_text(text: str) -> Prompt:
    """A prompt of text: a token for every four bytes, at least one."""
    data = text.encode("utf-8", "surrogatepass")
    return Prompt(tokens=max(1, -(-len(data) // BYTES_PER_TOKEN)), data=data, width=BYTES_PER_TOKEN)


def of_messages(messages: Sequence[tuple[str, str]]) -> Prompt:
    """A chat of (role, text): each message padded to whole tokens after its template's, an answer begun."""
    parts = [_message(role, text) for role, text in messages]
    return of_text("".join(parts) + _head("assistant"))


def _message(role: str, text: str) -> str:
    size = len(text.encode("utf-8", "surrogatepass"))
    return _head(role) + text + "\0" * (-size % BYTES_PER_TOKEN)


def _head(role: str) -> str:
    return role.encode("ascii", "replace").decode()[:12].ljust(MESSAGE_TOKENS * BYTES_PER_TOKEN, "\0")


def blocks(prompt: Prompt, block_tokens: int) -> tuple[tuple[int, int], ...]:
    """(hash, tokens) of each full block, in the form of a prefix chain that the engine takes."""
    step = block_tokens * prompt.width
    before = bytes([prompt.width])
    found = []
    for start in range(0, len(prompt.data) - step + 1, step):
        before = blake2b(before + prompt.data[start : start + step], digest_size=_HASH_BYTES).digest()
        found.append((int.from_bytes(before), block_tokens))
    return tuple(found)


def token_ids(prompt: Prompt, vocab: int) -> list[int]:
    """Numbers for /tokenize: equal fours of bytes have equal numbers; nothing turns them back into text."""
    data, width = prompt.data, prompt.width
    return [
        int.from_bytes(data[start : start + width]) % vocab for start in range(0, max(len(data), 1), width)
    ]
