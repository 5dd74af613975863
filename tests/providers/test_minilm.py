"""A model in a folder: word pieces as BERT cuts them, and an encoder that computes what plain Python does, slowly.

The weights here are drawn, not learnt: what is tested is the arithmetic.
"""

import json
import math
import random
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from folkmoot.errors import InputError
from folkmoot.providers import open_provider
from folkmoot.providers.base import Settings
from folkmoot.providers.minilm import Embedder, load_embedder, split_words
from folkmoot.types import JSON

numpy = pytest.importorskip("numpy", reason="the extra `semantic` is not installed")

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 12, 2, 3, 20, 16
VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cap", "##ital", "of", "france", "is", "paris", "cafe", "!", "$", "5",
    "東", "un", "##believ", "##able",
]  # fmt: skip
CONFIG = {
    "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "max_position_embeddings": POSITIONS,
    "layer_norm_eps": 1e-12, "hidden_act": "gelu",
}  # fmt: skip

Matrix = list[list[float]]


def shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        dense = dict.fromkeys([f"attention.self.{each}" for each in ("query", "key", "value")], (WIDTH, WIDTH))
        dense |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (INNER, WIDTH)}
        dense |= {"output.dense": (WIDTH, INNER)}
        for name, shape in dense.items():
            found |= {f"{at}{name}.weight": shape, f"{at}{name}.bias": shape[:1]}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found |= {f"{at}{name}.weight": (WIDTH,), f"{at}{name}.bias": (WIDTH,)}
    return found


def save_model(folder: Path, **changes: Any) -> Path:
    """A folder with a model whose weights are drawn; `changes` replace entries of its config.json."""
    draw = random.Random(3)
    header: JSON = {"__metadata__": {"format": "pt"}}
    numbers = b""
    for name, shape in shapes().items():
        drawn = [draw.gauss(0, 0.4) for _ in range(math.prod(shape))]
        packed = struct.pack(f"<{len(drawn)}f", *drawn)
        offsets = [len(numbers), len(numbers) + len(packed)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        numbers += packed
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + numbers)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(str(save_model(tmp_path_factory.mktemp("model"))))


def slowly(model: Embedder, text: str) -> list[float]:
    """What `model.embed(text)` should come to, with the error function itself and nothing but lists."""
    weights = {name: tensor.astype(float).tolist() for name, tensor in model.weights.items()}

    def dense(name: str, rows: Matrix) -> Matrix:
        return [
            [sum(a * b for a, b in zip(row, column, strict=True)) + bias for column, bias in both]
            for row in rows
            for both in [list(zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True))]
        ]

    def normed(name: str, row: Sequence[float]) -> list[float]:
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((each - mean) ** 2 for each in row) / len(row) + 1e-12)
        parts = zip(row, weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True)
        return [(each - mean) / spread * gain + bias for each, gain, bias in parts]

    def added(name: str, rows: Matrix, more: Matrix) -> Matrix:
        return [normed(name, [a + b for a, b in zip(x, y, strict=True)]) for x, y in zip(rows, more, strict=True)]

    words, places = weights["embeddings.word_embeddings.weight"], weights["embeddings.position_embeddings.weight"]
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    rows = [
        normed("embeddings.LayerNorm", [a + b + c for a, b, c in zip(words[number], places[at], kind, strict=True)])
        for at, number in enumerate(model.numbers(text))
    ]
    size = WIDTH // HEADS
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        query, key, value = (dense(f"{at}attention.self.{part}", rows) for part in ("query", "key", "value"))
        heard: Matrix = [[] for _ in rows]
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for number, asking in enumerate(query):
                scores = [sum(a * b for a, b in zip(asking[part], k[part], strict=True)) / math.sqrt(size) for k in key]
                shares = [math.exp(score) for score in scores]
                total = sum(shares)
                columns = zip(*(each[part] for each in value), strict=True)
                heard[number] += [sum(s * v for s, v in zip(shares, c, strict=True)) / total for c in columns]
        rows = added(f"{at}attention.output.LayerNorm", rows, dense(f"{at}attention.output.dense", heard))
        wide = dense(f"{at}intermediate.dense", rows)
        bent = [[x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in row] for row in wide]
        rows = added(f"{at}output.LayerNorm", rows, dense(f"{at}output.dense", bent))
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return [each / math.hypot(*mean) for each in mean]


@pytest.mark.parametrize("text", ["The capital of France is Paris!", "", "unbelievable " * 20, "Café: 東 $5"])
def test_the_encoder_computes_what_plain_python_does(model: Embedder, text: str) -> None:
    vector = model.embed(text)
    assert math.hypot(*vector) == pytest.approx(1)
    assert vector == pytest.approx(slowly(model, text), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [("The capital", ["the", "cap", "##ital"]), ("unbelievable!", ["un", "##believ", "##able", "!"]),
     ("CAFÉ $5", ["cafe", "$", "5"]), ("東Paris", ["東", "paris"]), ("capitol", ["[UNK]"]), ("is" * 60, ["[UNK]"]),
     ("of\u00a0the\u200b \x07", ["of", "the"])],
)  # fmt: skip
def test_a_text_is_cut_into_the_longest_pieces(model: Embedder, text: str, pieces: list[str]) -> None:
    assert [VOCABULARY[number] for number in model.numbers(text)] == ["[CLS]", *pieces, "[SEP]"]


def test_what_is_beyond_the_models_limit_is_not_read(model: Embedder) -> None:
    assert len(model.numbers("the " * 100)) == POSITIONS
    assert model.embed("the " * 100) == model.embed("the " * 1000)


def test_a_model_that_keeps_capitals_keeps_them() -> None:
    assert list(split_words("Café", lower=False)) == ["Café"]


def test_a_folder_answers_as_a_seat(tmp_path: Path) -> None:
    import asyncio

    from folkmoot.testing import provider_contract, request

    save_model(tmp_path)

    def opened() -> Any:
        return open_provider("embed", Settings(environ={}))

    opened().check_model(str(tmp_path))
    asyncio.run(provider_contract(opened, request("Paris", model=str(tmp_path))))


def test_what_is_wrong_with_a_folder_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config.json is not there"):
        load_embedder(str(tmp_path))
    save_model(tmp_path, hidden_act="relu")
    with pytest.raises(InputError, match="relu"):
        load_embedder(str(tmp_path))
    save_model(tmp_path, num_hidden_layers=3)
    with pytest.raises(InputError, match=r"layer\.2"):
        load_embedder(str(tmp_path))
    save_model(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    for cut in (0, 4, 100, len(whole) - 100):
        (tmp_path / "model.safetensors").write_bytes(whole[:cut])
        with pytest.raises(InputError, match="cannot be read"):
            load_embedder(str(tmp_path))
