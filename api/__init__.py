"""The HTTP API: a server without state, which asks the gate for all that is done.

It is in the container api-skp alone (services/api.py). Allowed imports: of the project, gate.spool,
and what reads a deployment.yaml. Begin reading at app.py, then deployments.py, then facade.py.
"""
