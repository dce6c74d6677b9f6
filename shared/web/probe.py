"""``python -m shared.web.probe URL``: ask a service how it is, for containers that have neither curl nor wget."""

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

_WITHIN_S = 3.0


def main(arguments: Sequence[str]) -> int:
    """Return 0 if the address answers with a status below 400."""
    if len(arguments) != 1 or not arguments[0].startswith("http://127.0.0.1:"):
        sys.stderr.write("give one address on 127.0.0.1\n")
        return 2
    try:
        with urllib.request.urlopen(arguments[0], timeout=_WITHIN_S):  # noqa: S310 - our own address
            return 0
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"{type(error).__name__}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
