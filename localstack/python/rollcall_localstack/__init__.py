"""Plug-ins that let LocalStack run without Docker: Lambdas as processes, and a server on loopback only."""
