"""What tests share: described clusters, fake connections and engines, helpers of the lab.

Allowed imports: everything but test modules. Begin reading at fake_connection.py, whose node
answers from a script and records what was asked, then lab.py.
"""
