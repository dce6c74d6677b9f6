"""The style and scripts of the pages, ours and those of others (``vendor``, each with its licence and checksum)."""

import hashlib
from pathlib import Path

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Assets:
    """Every file here that a browser may ask for, read once and named by its content."""

    def __init__(self) -> None:
        self._files = {
            file.relative_to(_HERE).as_posix(): file.read_bytes()
            for file in sorted(_HERE.rglob("*"))
            if file.suffix in _TYPES
        }
        self._versions = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._files.items()}

    def address(self, name: str) -> str:
        """Return the address of a file; it changes with the content, so that a browser may keep it for ever."""
        return f"/static/{self._versions[name]}/{name}"

    def find(self, name: str) -> tuple[bytes, str] | None:
        """Return a file and its type."""
        data = self._files.get(name)
        return (data, _TYPES[Path(name).suffix]) if data is not None else None
