"""How steps are chained: order, caching, publishing and the command line."""
