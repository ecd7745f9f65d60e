"""What was written for earlier versions of SKP: told where it is met, and translated.

Allowed imports: the room config. Begin reading at names.py, what services declare of it, then
translation.py, which puts the files together.
"""
