"""Fuzzing: what the targets are made of; `python fuzz/run.py` runs them."""
