"""Make API keys, and find the caller that a key stands for.

Contract: docs/contract/conventions.md#api-keys. A key is `CO.<mask 16>.<secret 64>`. The mask finds the row, and a
digest of the whole key is compared in constant time.
"""

from dataclasses import dataclass
from typing import NamedTuple

from core.rows import read_rows
from core.tokens import matches, random_text

PREFIX = "CO"
#: The prefix that Nahook's clients require of a management token. Such a key is `nhm_<mask><secret>`.
MANAGEMENT_PREFIX = "nhm_"
#: The prefix that they require of a key which sends events, and does nothing else. Such a key is `nhk_<mask><secret>`.
SENDING_PREFIX = "nhk_"
_IN_ONE_PIECE = (MANAGEMENT_PREFIX, SENDING_PREFIX)
MASK_LENGTH = 16
SECRET_LENGTH = 64

INSTANCE_ADMIN = "instance_admin"
PROJECT_ADMIN = "project_admin"
PROJECT_VIEWER = "project_viewer"

#: The scope without which a key that is bound to an owner may change nothing of that owner's.
MANAGE = "webhooks:manage"


class Proof(NamedTuple):
    """The parameters of IS_PROVEN: a key that is to work, and the version of its row and its project's."""

    key_id: str
    key_version: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: a live API key, and the project that the request's path names.

    `key_project_id` is None for an instance key. `project_exists` tells whether the path's project
    exists, and is True where the path names no project. `version` is that of the rows of the key and of the
    path's project, or the key's where the path names none. A caller that `is_remembered` was read by an earlier
    request (docs/adr/0016).
    """

    key_id: str
    name: str
    role: str
    owner_id: str
    scopes: tuple[str, ...]
    key_project_id: str | None
    project_exists: bool
    version: str = ""
    is_remembered: bool = False

    @property
    def can_write(self) -> bool:
        """Return whether the caller may change anything."""
        return self.role != PROJECT_VIEWER

    @property
    def manages(self) -> bool:
        """Return whether the caller may change an owner's things. A key that is bound to an owner needs MANAGE."""
        return self.can_write and (not self.owner_id or MANAGE in self.scopes)

    @property
    def is_instance(self) -> bool:
        """Return whether the key belongs to the instance, and not to one project."""
        return self.role == INSTANCE_ADMIN

    def may_use(self, project_id: str) -> bool:
        """Return whether the path's project exists and the key may use it."""
        return self.project_exists and self.key_project_id in (None, project_id)


def make_key(prefix: str = PREFIX) -> tuple[str, str]:
    """Return a new credential as (mask, the whole text). Only the digest of the text is to be stored."""
    mask, secret = random_text(MASK_LENGTH), random_text(SECRET_LENGTH)
    return mask, f"{prefix}{mask}{secret}" if prefix in _IN_ONE_PIECE else f"{prefix}.{mask}.{secret}"


def mask_of(key: str) -> str | None:
    """Return the part of a key by which its row is found; None for a text without the form of a key."""
    if not key.isascii() or "\x00" in key:
        return None
    if key.startswith(_IN_ONE_PIECE):
        return key[len(MANAGEMENT_PREFIX) :][:MASK_LENGTH]
    parts = key.split(".")
    return parts[1] if len(parts) == 3 else None


#: The version of a key's row, `k`, and of a project's, `t`: every write gives a row another xmin and ctid. A server
#: that was restored to an earlier moment may give the same out again, but has started at another time.
_VERSION = "concat(pg_postmaster_start_time(), k.xmin, k.ctid, t.xmin, t.ctid)"
# Reads in one statement the key, its project, and the project of the request's path. Where the path names none, this is
# the key's again, so that the version covers the project in which the request works.
_FIND = f"""
SELECT k.uid, k.digest, k.role, k.owner_id, k.scopes, k.project_id, t.uid IS NOT NULL, k.name, {_VERSION}
FROM projects_apikey k
LEFT JOIN projects_project p ON p.uid = k.project_id
LEFT JOIN projects_project t ON t.uid = coalesce(%s, k.project_id) AND t.deleted_at IS NULL
WHERE k.mask = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
  AND (k.project_id IS NULL OR p.deleted_at IS NULL)
"""  # noqa: S608 - our own texts
#: A condition on a statement whose parameters are a Proof's, by their names, and `project_id`.
IS_PROVEN = f"""EXISTS (
  SELECT FROM projects_apikey k JOIN projects_project t ON t.uid = %(project_id)s
  WHERE k.uid = %(key_id)s AND {_VERSION} = %(key_version)s AND (k.expires_at IS NULL OR k.expires_at > now())
)"""


def find_caller(key: str, *, project_id: str | None) -> Caller | None:
    """Return the caller that an API key stands for; None for every key that does not work.

    `project_id` is the project in the request's path, if there is one. A key that is unknown,
    wrong, expired, revoked or of a deleted project gives None, without a reason.
    """
    mask = mask_of(key)
    if mask is None:
        return None
    rows = read_rows(_FIND, [project_id, mask])
    if not rows or not matches(key, rows[0][1]):
        return None
    row = rows[0]
    return Caller(
        key_id=row[0],
        name=row[7],
        role=row[2],
        owner_id=row[3],
        scopes=tuple(row[4]),
        key_project_id=row[5],
        project_exists=project_id is None or row[6],
        version=row[8],
    )
