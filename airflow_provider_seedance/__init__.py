"""Seedance video generation through the GPTProto API, for Apache Airflow."""

__version__ = "0.1.0"
