"""Show times in the admin to the second, in an order that sorts. Django finds the formats by FORMAT_MODULE_PATH."""
