"""What the services are and how to ask them. No Airflow, no storage."""
