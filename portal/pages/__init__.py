"""Show the customer's pages: one module for each group of pages, and the routes in urls.py."""
