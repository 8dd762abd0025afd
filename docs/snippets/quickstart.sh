# Run by tests/test_docs.py, and by tests/system/test_quickstart.py from the wheel, as the pages show
# it, with another port.

# [simulator
docsanalytics simulator --port 8787 --start 2026-01-01 --end 2026-01-31 &
# simulator]
until python -c 'import socket; socket.create_connection(("127.0.0.1", 8787))' 2>/dev/null; do
  kill -0 %1  # ends here if it has not started
  sleep 0.2
done

# [airflow
export AIRFLOW_HOME="$PWD/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False
airflow db migrate
# airflow]

# [connection
export AIRFLOW_CONN_MINTLIFY_DEFAULT='{
  "conn_type": "mintlify", "host": "http://127.0.0.1:8787",
  "login": "proj_sim_docs", "password": "mint_sim_0000000000000000"}'
export AIRFLOW_VAR_DOCS_LAKE="file://$PWD/simulated"
# connection]

# [run
docsanalytics examples "$AIRFLOW_HOME/dags" first_export
airflow dags test first_export 2026-01-11
# run]

# [look
cat simulated/first/conversations/dt=2026-01-10/_manifest.json
gzip -dc simulated/first/conversations/dt=2026-01-10/part-*.jsonl.gz | head -n 2
# look]

# [unset
unset AIRFLOW_CONN_MINTLIFY_DEFAULT AIRFLOW_VAR_DOCS_LAKE
kill %1
# unset]

PROJECT_ID=acme MINTLIFY_KEY=mint_made_up
# [real
airflow connections add mintlify_default --conn-type mintlify \
  --conn-login "$PROJECT_ID" --conn-password "$MINTLIFY_KEY"
airflow variables set docs_lake "file://$PWD/lake"
# real]

# [every
docsanalytics examples "$AIRFLOW_HOME/dags" mintlify_daily_export
airflow pools set mintlify_api 1 "Mintlify: 100 requests an hour"
# every]
