"""Portal links and portal sessions: the access of a company's customers to the portal."""
