"""Write the files of the data folder that only this user may read."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with mode 0600, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    # A new file: what stands there could be a link to a file of another program.
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(json.dumps(content, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def ensure_secrets(data_dir: Path) -> None:
    """Make the secrets that settings.py needs, once, in `secrets.json` of the data folder."""
    path = data_dir / "secrets.json"
    if not path.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "API_KEY_PEPPER": secrets.token_urlsafe(48),
            "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        write_private(path, made)
