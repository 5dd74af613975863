"""Sentence embeddings from a folder: a BERT encoder such as all-MiniLM-L6-v2, in numpy alone.

The folder holds `model.safetensors`, `vocab.txt` and `config.json` as published for sentence-transformers. A text is
cut into word pieces, goes through the encoder, and the mean over its pieces, brought to length 1, is its vector.
Nothing in these files can execute.
"""

import json
import math
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folkmoot.errors import InputError
from folkmoot.types import JSON

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_LIMIT = 100_000_000  # bytes; the format's own limit
_LONGEST_WORD = 100  # characters; a longer one is unknown
_PIECES = 256  # of a text, where the folder does not say


def load_embedder(folder: str) -> "Embedder":
    """The model in `folder`. Raises InputError when a file or numpy is missing, or does not fit."""
    path = Path(folder)
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise InputError(f"the embedding model in {folder} needs numpy: pip install 'folkmoot[semantic]'") from None
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
        vocabulary = (path / "vocab.txt").read_text("utf-8").splitlines()
        weights = read_safetensors((path / "model.safetensors").read_bytes())
        return Embedder(config, vocabulary, weights, _limit(path), lower=_lowers(path))
    except FileNotFoundError as missing:
        raise InputError(f"{folder} is no embedding model: {Path(str(missing.filename)).name} is not there") from None
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise InputError(f"the embedding model in {folder} cannot be read: {error}") from error


def _json(path: Path) -> JSON:
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _limit(path: Path) -> int:
    return int(_json(path / "sentence_bert_config.json").get("max_seq_length") or _PIECES)


def _lowers(path: Path) -> bool:
    return _json(path / "tokenizer_config.json").get("do_lower_case", True) is not False


def read_safetensors(content: bytes) -> "dict[str, NDArray[Any]]":
    """The tensors of a file: eight bytes with the header's length, a JSON header, the numbers. As 32-bit floats.

    Raises ValueError for what is not that.
    """
    import numpy as np

    kinds: dict[str, np.dtype[Any]] = {
        "F32": np.dtype("<f4"),
        "F16": np.dtype("<f2"),
        "F64": np.dtype("<f8"),
        "I64": np.dtype("<i8"),
    }
    (length,) = struct.unpack_from("<Q", content)
    if length > min(_HEADER_LIMIT, len(content) - 8):
        raise ValueError("model.safetensors is cut off")
    header = json.loads(content[8 : 8 + length])
    numbers = memoryview(content)[8 + length :]
    found: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in kinds:
            raise ValueError(f"{name} is stored as {entry['dtype']}, not as one of {', '.join(kinds)}")
        start, end = entry["data_offsets"]
        tensor = np.frombuffer(numbers[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        found[name.removeprefix("bert.")] = tensor.astype(np.float32)
    return found


class Embedder:
    """A loaded model."""

    def __init__(
        self, config: JSON, vocabulary: list[str], weights: "Mapping[str, NDArray[Any]]", limit: int, *, lower: bool
    ) -> None:
        self.pieces = {piece: number for number, piece in enumerate(vocabulary)}
        self.weights, self.lower = weights, lower
        self.heads, self.layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
        self.epsilon = float(config.get("layer_norm_eps", 1e-12))
        self.limit = min(limit, int(config.get("max_position_embeddings", limit)))
        if (act := config.get("hidden_act", "gelu")) != "gelu":
            raise ValueError(f"its activation is {act}, not gelu")
        if missing := [name for name in ("[CLS]", "[SEP]", "[UNK]") if name not in self.pieces]:
            raise ValueError(f"vocab.txt has no {', '.join(missing)}")
        rows = weights["embeddings.word_embeddings.weight"].shape[0]
        if rows < len(vocabulary):
            raise ValueError(f"vocab.txt has {len(vocabulary)} pieces, the model {rows}")
        self.embed("a")  # every other tensor that is missing or does not fit

    def embed(self, text: str) -> list[float]:
        """The vector of `text`, of length 1. What is beyond the model's limit is not read."""
        import numpy as np

        states = self._embedded(self.numbers(text))
        for layer in range(self.layers):
            states = self._layer(f"encoder.layer.{layer}.", states)
        mean = states.mean(axis=0)
        vector: list[float] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).tolist()
        return vector

    def numbers(self, text: str) -> list[int]:
        """The numbers of the word pieces in `text`, between the marks for its start and end."""
        found: list[int] = []
        for word in split_words(text, lower=self.lower):
            if len(found) >= self.limit - 2:
                break
            found += self._word(word)
        return [self.pieces["[CLS]"], *found[: self.limit - 2], self.pieces["[SEP]"]]

    def _word(self, word: str) -> list[int]:
        """The longest pieces from left to right; a word with a part that is no piece is unknown as a whole."""
        unknown = [self.pieces["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        found: list[int] = []
        at = 0
        while at < len(word):
            mark = "##" if at else ""
            end = next((end for end in range(len(word), at, -1) if mark + word[at:end] in self.pieces), None)
            if end is None:
                return unknown
            found.append(self.pieces[mark + word[at:end]])
            at = end
        return found

    def _embedded(self, numbers: list[int]) -> "NDArray[Any]":
        weights = self.weights
        summed = (
            weights["embeddings.word_embeddings.weight"][numbers]
            + weights["embeddings.position_embeddings.weight"][: len(numbers)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        return self._normed("embeddings.LayerNorm.", summed)

    def _layer(self, name: str, states: "NDArray[Any]") -> "NDArray[Any]":
        import numpy as np

        count, width = states.shape
        split = (count, self.heads, width // self.heads)
        query, key, value = (
            self._dense(f"{name}attention.self.{part}.", states).reshape(split).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(split[2])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        heard = (shares @ value).transpose(1, 0, 2).reshape(count, width)
        states = self._normed(
            f"{name}attention.output.LayerNorm.", states + self._dense(f"{name}attention.output.dense.", heard)
        )
        wide = _gelu(self._dense(f"{name}intermediate.dense.", states))
        return self._normed(f"{name}output.LayerNorm.", states + self._dense(f"{name}output.dense.", wide))

    def _dense(self, name: str, states: "NDArray[Any]") -> "NDArray[Any]":
        result: NDArray[Any] = states @ self.weights[f"{name}weight"].T + self.weights[f"{name}bias"]
        return result

    def _normed(self, name: str, states: "NDArray[Any]") -> "NDArray[Any]":
        import numpy as np

        mean = states.mean(axis=-1, keepdims=True)
        spread = np.sqrt(states.var(axis=-1, keepdims=True) + self.epsilon)
        result: NDArray[Any] = (states - mean) / spread * self.weights[f"{name}weight"] + self.weights[f"{name}bias"]
        return result


def _gelu(x: "NDArray[Any]") -> "NDArray[Any]":
    """x times the normal distribution function, whose error function is Abramowitz and Stegun's 7.1.26: to 1.5e-7."""
    import numpy as np

    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    result: NDArray[Any] = x * 0.5 * (1 + np.sign(x) * (1 - poly * np.exp(-z * z)))
    return result


def split_words(text: str, *, lower: bool = True) -> Iterator[str]:
    """Words, punctuation marks and CJK characters, as BERT splits a text before it looks for pieces.

    >>> list(split_words("Café: 東京!"))
    ['cafe', ':', '東', '京', '!']
    """
    word = ""
    for letter in unicodedata.normalize("NFD", text.lower()) if lower else unicodedata.normalize("NFC", text):
        category = unicodedata.category(letter)
        if (lower and category == "Mn") or letter in "\0\ufffd" or (category[0] == "C" and letter not in "\t\n\r"):
            continue
        alone = _is_punctuation(letter, category) or _is_cjk(ord(letter))
        if alone or category == "Zs" or letter in "\t\n\r":
            if word:
                yield word
            word = ""
            if alone:
                yield letter
        else:
            word += letter
    if word:
        yield word


def _is_punctuation(letter: str, category: str) -> bool:
    """Punctuation, and every printable ASCII character that is neither letter nor digit, such as $ and +."""
    return category[0] == "P" or (" " < letter <= "~" and not letter.isalnum())


_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def _is_cjk(code: int) -> bool:
    return any(first <= code <= last for first, last in _CJK)
