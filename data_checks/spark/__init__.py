"""The same checks on a cluster: Spark looks at the images, joins and judges; equal reports."""
