"""The command line. Each command imports only what it needs, so that `--help` starts at once."""

import sys


def main() -> None:
    """Run the command that `sys.argv` names, and exit."""
    if sys.argv[1:] in (["--help"], ["-h"]) and sys.stdout is not None:
        from folkmoot.frontends.cli.overview import overview

        sys.stdout.write(overview(sys.argv[0].replace("\\", "/").rpartition("/")[2]) + "\n")
        sys.exit(0)
    from folkmoot.frontends.cli.root import run

    run()
