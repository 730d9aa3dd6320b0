"""Tests over real HTTP against one running server."""
