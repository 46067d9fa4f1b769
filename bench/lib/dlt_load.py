"""One table of PostgreSQL into a new DuckDB file by dlt: dlt_load.py URL BACKEND FOLDER"""

import sys

import dlt
from dlt.sources.sql_database import sql_table

url, backend, folder = sys.argv[1:]
table = sql_table(
    credentials=url,
    table="lineitem",
    schema="public",
    backend=backend,
    chunk_size=100_000,
    reflection_level="full_with_precision",
)
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir=f"{folder}/state",
    destination=dlt.destinations.duckdb(f"{folder}/dlt.duckdb"),
    dataset_name="raw",
)
pipeline.run(table, write_disposition="replace").raise_on_failed_jobs()
