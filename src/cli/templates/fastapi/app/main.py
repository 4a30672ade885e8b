"""The application. DATABASE_URL and REDIS_URL say where its services are."""

import os

import psycopg
from fastapi import FastAPI

app = FastAPI(title="@PROJECT@")


@app.get("/health")
def health() -> dict[str, str]:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as connection:
        connection.execute("SELECT 1")
    return {"status": "ok"}
