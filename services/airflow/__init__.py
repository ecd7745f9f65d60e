"""The service airflow: service.py declares it."""
