"""Benchmark clips and their ground-truth boxes."""
