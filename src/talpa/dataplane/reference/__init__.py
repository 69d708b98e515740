"""The data plane in pure Python: short, slow, and what every other one is held against."""
