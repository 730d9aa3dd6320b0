"""Meta events: webhooks that tell a project about its own endpoints and deliveries."""
