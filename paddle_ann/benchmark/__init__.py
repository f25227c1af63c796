"""Measures ANN side by side with what a user would use instead, on the user's own machine.

`tools/benchmark.py` is the command. A `Case` names two or more sides that do the same job; the
runner times them in turn, measures each one's memory in a process of its own, and compares their
outputs; the report puts the goal beside every figure.
"""
