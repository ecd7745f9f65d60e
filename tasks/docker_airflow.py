"""docker.mysql-airflow-init: what Airflow needs before it can run."""

from __future__ import annotations

from tasks.command import command
from tasks.session import Session


@command(help={"reset": "Drop the database that is there, with all that is in it, and its user."})
def mysql_airflow_init(s: Session, reset: bool = False) -> None:
    """Create Airflow's database and its user in MySQL, where they are missing."""
    from services import airflow_init

    look = airflow_init.begin_anew if reset else airflow_init.make_database
    s.change(lambda fleet: look(s.cluster, fleet))


TASKS = (mysql_airflow_init,)
