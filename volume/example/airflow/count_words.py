"""Count the words of the examples' own texts, by Spark; the result is CSV without a header.

spark-submit count_words.py RESULT
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

TEXTS = Path("/root/volume/example")


def main(result: str) -> None:
    """Count, on all executors, and write to the folder `result`."""
    spark = SparkSession.builder.appName("count-words").getOrCreate()
    lines = [(line,) for path in TEXTS.rglob("*.md") for line in path.read_text().splitlines()]
    words = (
        spark.createDataFrame(lines, "line string")
        .repartition(8)
        .select(f.explode(f.split(f.lower("line"), r"\W+")).alias("word"))
        .where("word <> ''")
        .groupBy("word")
        .count()
    )
    words.coalesce(1).write.mode("overwrite").csv(result)
    print(f"{words.count()} words are in {result}")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
