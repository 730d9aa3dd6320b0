"""Bulk onboarding: many endpoints, each with a subscription, from one request."""
