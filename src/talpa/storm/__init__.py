"""Floor 5: the load generator: many clients at once, each with the habits of its family."""
