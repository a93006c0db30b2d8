"""Texts as vectors: words and pairs of words, hashed to a fixed number of places (Weinberger et al. 2009)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from iale.data._checks import rows_of
from iale.data._fingerprint import digest

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

FEATURES = 4096
CHARACTERS = 1 << 15
"""Places that pieces of words are hashed to: there are many more of them than words."""
_MOST = 100_000  # characters of a text; the rest is ignored

# Scripts that write no spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, kana, bopomofo, Han. There each letter
# counts as a word, so that words and pairs of words are n-grams of letters.
_UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
_UNSPACED += "\U00020000-\U0003ffff"

# Vowels and accents that are signs of their own are no letters to \w, which would cut words apart at them: those of
# Latin and Greek, Hebrew, Arabic, and the scripts of India and Sri Lanka, without their full stops.
_SIGNS = "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
_SIGNS += "\u0900-\u0963\u0971-\u0df3"
_TOKEN = rf"[{_UNSPACED}]|(?:[^\W{_UNSPACED}]|[{_SIGNS}])+"


class TextSamples:
    """Hashed n-grams of texts, computed when they are asked for."""

    shape: tuple[int, ...] = (FEATURES,)
    dtype = torch.float32

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def fingerprint(self) -> str:
        """A digest of the texts."""
        return digest("texts 1", *(digest(text) for text in self._texts))

    def batch(self, indices: Tensor) -> Tensor:
        """float32 [B, 4096], rows of length 1."""
        return torch.from_numpy(hashed_ngrams(self.texts(indices)))

    def texts(self, indices: Tensor) -> list[str]:
        """The texts themselves at ``indices`` (int64 [B])."""
        return [self._texts[row] for row in rows_of(indices, len(self)).tolist()]


def hashed_ngrams(texts: Sequence[str]) -> NDArray[np.float32]:
    """float32 [B, 4096]: 1 + log of how often each word and pair of words occurs, signed and scaled to length 1.

    Two n-grams that share a place get opposite signs half of the time, so on average they cancel.
    """
    if not texts:
        return np.zeros((0, FEATURES), dtype=np.float32)
    # A text may hold half of a pair of surrogates, which cannot be hashed.
    counts = _vectorizer().transform([text[:_MOST].encode("utf-8", "replace").decode() for text in texts])
    counts.data = np.sign(counts.data) * (1 + np.log(np.maximum(np.abs(counts.data), 1)))
    values = counts.toarray()
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def hashed_pieces(texts: Sequence[str]) -> sparse.csr_array:
    """float32 [B, 32768], sparse: the pieces of 2 to 5 characters inside words, counted and scaled as `hashed_ngrams`.

    Forms of one word share pieces, and few words of short texts occur twice.
    """
    if not texts:
        return sparse.csr_array((0, CHARACTERS), dtype=np.float32)
    counts = _pieces().transform([text[:_MOST].encode("utf-8", "replace").decode() for text in texts])
    counts.eliminate_zeros()
    counts.data = np.sign(counts.data) * (1 + np.log(np.abs(counts.data)))
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    scale = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1))
    return sparse.csr_array(scale @ counts, dtype=np.float32)


@functools.lru_cache(maxsize=1)
def _pieces() -> HashingVectorizer:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=CHARACTERS, analyzer="char_wb", ngram_range=(2, 5), norm=None)


@functools.lru_cache(maxsize=1)
def _vectorizer() -> HashingVectorizer:
    from sklearn.feature_extraction.text import HashingVectorizer  # it takes a second, which only texts should cost

    return HashingVectorizer(n_features=FEATURES, ngram_range=(1, 2), token_pattern=_TOKEN, norm=None)
