"""Recordings: the encoded frames of a picture in Matroska files."""
