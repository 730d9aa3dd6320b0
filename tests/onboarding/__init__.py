"""Bulk onboarding."""
