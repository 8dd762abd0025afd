"""The services' APIs and the client that reads them. No Airflow, no storage."""
