"""A DAG that has Spark's cluster count words, once an hour, and reads what it found.

Copy this file to ~/var/airflow/dags; within half a minute it is in the UI (http://MASTER:8040).
The job stays where it is: ~/example/airflow/count_words.py.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

HOME = Path("/root/volume")
# The shared file system, where every worker of Spark sees the same files.
RESULT = "/root/mnt/dfs/example/words"


@dag(
    schedule=timedelta(hours=1),
    catchup=False,
    max_active_runs=1,  # each writes the same folder anew
    tags=["example"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
)
def spark_count() -> None:
    """Submit the job, then show the commonest words."""

    @task.bash
    def count() -> str:
        # The notebooks' own spark-submit: driver and executors have the same Python and Spark.
        return (
            "spark-submit --master spark://spark-skp-master:7077 "
            f"{HOME}/example/airflow/count_words.py {RESULT}"
        )

    @task
    def show() -> list[str]:
        lines = [line for part in Path(RESULT).glob("part-*") for line in part.open()]
        commonest = sorted(lines, key=lambda line: -int(line.rsplit(",", 1)[1]))[:10]
        print("".join(commonest))
        return commonest

    count() >> show()


spark_count()
