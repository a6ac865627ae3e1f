"""What runs beside a flow: the home folder, the Prefect server, both UIs, the worker."""
