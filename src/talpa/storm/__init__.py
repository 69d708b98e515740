"""The load generator: many clients at once, each with the habits of its family."""
