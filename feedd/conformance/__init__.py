"""Conformance tests for clients in any language: everything that can go wrong with a stream."""
