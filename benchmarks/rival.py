"""llm-consortium's own code as a seat of Folkmoot: `solo:rival/consortium` is then a condition like any other.

In config.toml, with `llm`, `llm-consortium` and `scikit-learn` in an environment of their own:

    [providers.rival]
    command = ["python", "benchmarks/rival.py", "--llm", "ENV/bin/llm", "--recording", "FILE", "--models", "a,b,c"]
    timeout = 120

Reads a prompt on standard input, serves the recorded answers of the models on a loopback OpenAI server, lets
`llm -m CONSORTIUM` ask them, and prints what it says. Needs nothing but Python.

What is theirs: the members' calls, their order, the rounds, the arbiter's prompt and the reading of its reply. What is
simulated, because no recording holds it: the arbiter. It gives back, word for word, the answer that most members came
to (the first on a tie), with the confidence 0.9. That is no worse than a plain vote, which is kind to the rival. The
number of calls that reached the server goes to --calls, one line for each question.
"""

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAME = "rival-consortium"
ARBITER = "arbiter"


def normal(text: str) -> str:
    return " ".join(text.split())


def recorded(recording: Path, prompt: str) -> tuple[str, dict[str, str]]:
    """The longest recorded question that stands in `prompt`, and its answers."""
    raw = recording.read_bytes()
    lines = (gzip.decompress(raw) if recording.suffix == ".gz" else raw).decode().splitlines()
    rows = [row for row in map(json.loads, filter(str.strip, lines)) if "question" in row]
    within = normal(prompt)
    found = [row for row in rows if normal(row["question"]) in within]
    if not found:
        sys.exit("the recording holds none of the questions in this prompt")
    row = max(found, key=lambda each: len(each["question"]))
    return row["question"], row["answers"]


def conclusion(text: str) -> str:
    """A rough key of an answer, for the arbiter's count: what stands after "answer"."""
    said = re.findall(r'"?answer"?\**\s*:\s*"?([^"\n]+)', text, re.IGNORECASE)
    return normal(said[-1]).strip(" .*$,}").lower() if said else normal(text)[-40:]


def arbitrated(answers: dict[str, str]) -> str:
    """The simulated arbiter's reply."""
    counted = Counter(map(conclusion, answers.values()))
    best = next(text for text in answers.values() if conclusion(text) == counted.most_common(1)[0][0])
    return (
        f"<synthesis_output><synthesis>{best}</synthesis><confidence>0.9</confidence><analysis>Most came to this."
        "</analysis><dissent></dissent><needs_iteration>false</needs_iteration><refinement_areas></refinement_areas>"
        "</synthesis_output>"
    )


def serve(answers: dict[str, str], calls: list[str]) -> ThreadingHTTPServer:
    class Models(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model = asked["model"]
            calls.append(model)
            text = arbitrated(answers) if model == ARBITER else answers[model]
            self.answer(text, model, bool(asked.get("stream")))

        def answer(self, text: str, model: str, stream: bool) -> None:
            used = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            about: dict[str, Any] = {"id": "r", "created": 0, "model": model, "usage": used}
            choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
            said = {"role": "assistant", "content": text}
            if stream:
                piece = {**about, "object": "chat.completion.chunk", "choices": [{**choice, "delta": said}]}
                body = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode()
            else:
                body = json.dumps(
                    {**about, "object": "chat.completion", "choices": [{**choice, "message": said}]}
                ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ask(llm: str, base: str, models: list[str], question: str, home: Path) -> str:
    """What llm-consortium says. Its settings and its log are in `home`."""
    lines = [
        f"- model_id: {json.dumps(name)}\n  model_name: {json.dumps(name)}\n  api_base: {json.dumps(base)}\n"
        for name in (*models, ARBITER)
    ]
    (home / "extra-openai-models.yaml").write_text("".join(lines))
    (home / ".config" / "io.datasette.llm").mkdir(parents=True)  # or it fails without one
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LLM_USER_PATH": str(home), "OPENAI_API_KEY": "none"}

    def run(*words: str) -> str:
        done = subprocess.run([llm, *words], env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            sys.exit(done.stderr[-2000:] or f"llm ended with {done.returncode}")
        return done.stdout

    members = [word for name in models for word in ("-m", name)]
    run("consortium", "save", NAME, *members, "--arbiter", ARBITER)
    return run("-m", NAME, "--no-stream", question)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", required=True)
    parser.add_argument("--recording", type=Path, required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--calls", type=Path)
    given = parser.parse_args()
    models = given.models.split(",")
    question, answers = recorded(given.recording, sys.stdin.read())
    calls: list[str] = []
    server = serve({name: answers[name] for name in models}, calls)
    with tempfile.TemporaryDirectory() as home:
        print(ask(given.llm, f"http://127.0.0.1:{server.server_port}/v1", models, question, Path(home)))
    server.shutdown()
    if given.calls is not None:
        with given.calls.open("a") as log:
            log.write(f"{len(calls)}\n")


if __name__ == "__main__":
    main()
