"""One run of the pipeline: its state between the stages, its records, and runs compared."""
