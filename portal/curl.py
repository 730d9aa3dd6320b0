"""Write a request as a `curl` command that a person can paste into a terminal.

The command holds no credential: it is made of what is stored of an attempt, in which these are masked. Whatever the
payload holds, the shell reads it as one text: nothing in it is run, expanded, or taken for a key that was pressed.
"""

import re
from collections.abc import Iterable

from core.header_names import is_framing

#: A longer body is not written into a command: a terminal or the system would cut it off.
LONGEST_BODY = 65_536
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
#: Control characters, and those that change the direction of text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def curl_command(url: str, headers: Iterable[tuple[str, str]], body: str) -> str:
    """Return the command for a POST of a body; "" where the body is longer than LONGEST_BODY."""
    if len(body.encode(errors="replace")) > LONGEST_BODY:
        return ""
    # Without --globoff, brackets in a URL would be a pattern. --data-raw, as --data reads a file after "@".
    parts = [f"curl --globoff --request POST {quoted(url)}"]
    for name, value in headers:
        # curl writes the framing headers itself, and a compressed answer cannot be read in a terminal.
        if not is_framing(name) and name.lower() != "accept-encoding":
            # "name:" would remove the header, "name;" sends it without a value.
            parts.append(f"--header {quoted(f'{name}: {value}' if value else f'{name};')}")
    parts.append(f"--data-raw {quoted(body)}")
    return " \\\n  ".join(parts)


def quoted(text: str) -> str:
    """Return a text as one word of a POSIX shell.

    One with control characters or the like is written as $'…' with their bytes in octal, as a terminal would take some
    of them for keys, and a person would not see them.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not _UNSAFE.search(text):
        return "'" + text.replace("'", "'\\''") + "'"
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _UNSAFE.sub(lambda found: "".join(f"\\{byte:03o}" for byte in found[0].encode()), escaped) + "'"
