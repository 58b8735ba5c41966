"""Entry point of the `feedd` command, also as `python -m feedd`."""

import os
import sys


def main() -> int:
    """Run the command; return its exit code. The client library alone can't run most commands."""
    try:
        from feedd.cli.main import main as run  # noqa: PLC0415  it imports what may be missing

        return run()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "feedd":
            raise
        print(
            f"feedd: the package {error.name} is missing; install the commands with what they "
            "need: pip install 'feedd[server]'",
            file=sys.stderr,
        )
        return os.EX_UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
