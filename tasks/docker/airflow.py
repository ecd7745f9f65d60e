"""docker.mysql-airflow-init and its like: what a person has done to Airflow's store."""

from __future__ import annotations

from cli.command import command
from cli.session import Session


@command(help={"reset": "Drop the database that is there, with all that is in it, and its user."})
def mysql_airflow_init(s: Session, reset: bool = False) -> None:
    """Create Airflow's database and its user in MySQL, where they are missing."""
    from services.airflow import commands as airflow_init

    s.change(airflow_init.recreate_database if reset else airflow_init.make_database)


@command()
def airflow_db_init(s: Session) -> None:
    """Make the tables of Airflow's store, or bring them to this version."""
    from services.airflow.commands import make_tables

    s.change(lambda _, fleet: make_tables(s.declared, fleet))


@command()
def airflow_web_passwd_init(s: Session) -> None:
    """Make the account of Airflow's administrator, or set its password again."""
    from services.airflow.commands import set_password

    s.change(set_password)


TASKS = (mysql_airflow_init, airflow_db_init, airflow_web_passwd_init)
