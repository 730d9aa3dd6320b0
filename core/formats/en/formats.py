"""Show a date and time as `2026-11-28 07:45:09`; the rest is as Django has it."""

DATETIME_FORMAT = "Y-m-d H:i:s"
