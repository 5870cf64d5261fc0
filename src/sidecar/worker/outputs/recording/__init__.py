"""Recordings: the encoded frames of a stream in Matroska files."""
