"""The operators' own pages: the start page, the search, and the page of a customer."""
