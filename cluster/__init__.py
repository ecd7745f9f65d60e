"""The engine: it reads what is wanted, observes what is there, and makes the one like the other.

Allowed imports: nothing of the project but its own rooms, downwards only, and no service by name.
Begin reading at commands/converge.py, then model/item.py, which says what a plan is made of.
"""
