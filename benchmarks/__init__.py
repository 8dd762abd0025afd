"""Rows per second, CPU, memory and requests against other tools."""
