"""Portal links: what a company hands to its customer."""
