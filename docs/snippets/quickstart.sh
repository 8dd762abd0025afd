# Run by tests/test_docs.py as the pages show it, with another port. There `airflow` only notes its
# command, and `run_noted` runs them all in one process: each start of Airflow takes seconds.

# [simulator
python -m airflow_provider_docsanalytics.simulator --port 8787 \
  --start 2026-01-01 --end 2026-01-31 &
# simulator]
until python -c 'import socket; socket.create_connection(("127.0.0.1", 8787))' 2>/dev/null; do
  kill -0 %1  # ends here if it has not started
  sleep 0.2
done

# [connection
export AIRFLOW_CONN_MINTLIFY_DEFAULT='{
  "conn_type": "mintlify", "host": "http://127.0.0.1:8787",
  "login": "proj_sim_docs", "password": "mint_sim_0000000000000000"}'
export AIRFLOW_VAR_DOCS_LAKE="file://$PWD/lake"
# connection]

# [run
airflow db migrate
airflow dags test first_export 2026-01-11
# run]

PROJECT_ID=acme MINTLIFY_KEY=mint_made_up
# [real
airflow connections add mintlify_default --conn-type mintlify \
  --conn-login "$PROJECT_ID" --conn-password "$MINTLIFY_KEY"
airflow variables set docs_lake "file://$PWD/lake"
airflow pools set mintlify_api 1 "Mintlify: 100 requests an hour"
# real]
run_noted

# [look
cd lake/first/conversations/dt=2026-01-10
cat _manifest.json
gzip -dc part-*.jsonl.gz | head -n 2
# look]
