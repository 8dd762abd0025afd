"""Prints the links of the Dag ``lineage`` as the web server finds them, by task: one JSON line."""

from __future__ import annotations

import json

from airflow.models.taskinstance import TaskInstance
from airflow.serialization import serialized_objects
from airflow.utils.session import create_session
from dags.lineage import to_s3
from sqlalchemy import select

serialization = getattr(serialized_objects, "DagSerialization", None)  # Airflow 3.2+
serialization = serialization or serialized_objects.SerializedDAG
dag = serialization.from_dict(serialization.to_dict(to_s3.dag))
shown = {}
with create_session() as session:
    for ti in session.scalars(select(TaskInstance).where(TaskInstance.dag_id == "lineage")):
        task = dag.get_task(ti.task_id)
        shown[ti.task_id] = {name: task.get_extra_links(ti, name) for name in task.extra_links}
print(json.dumps(shown))
