"""Every benchmark, one after the other: about two minutes."""

import subprocess
import sys

SUBJECTS = (
    "critical_path", "engine_cpu", "runs_per_second", "memory", "resume", "startup", "start_cpu",
    "llm_plugin", "kill",
)  # fmt: skip

print("| what | target | median (all measurements) |\n|---|---|---|", flush=True)
sys.exit(max(subprocess.run([sys.executable, "-m", f"benchmarks.{subject}"]).returncode for subject in SUBJECTS))
