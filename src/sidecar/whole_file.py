"""Replaces a small file as a whole, in a directory into which others may write too."""

import contextlib
import os


def replace_file(path: str, content: str, mode: int) -> None:
    """Puts a file in place with this content and mode. Raises OSError.

    What lies there already is removed, never opened: opening a FIFO waits for a reader, and a link leads elsewhere.
    """
    fresh = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    os.rename(fresh, path)
