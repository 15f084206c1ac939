"""Builders and fixtures for the tests of every package; never imported by product code."""
