"""Forget one owner of a project: count, export and delete everything of theirs."""
