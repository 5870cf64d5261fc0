"""Texts of nvinfer configuration files, as engine cpu reads them."""

from sidecar.worker.inference.nvinfer_config import build_config, check_for_cpu
from sidecar.worker.inference.nvinfer_file import read_nvinfer_file
from sidecar.worker.inference.nvinfer_keys import all_keys
from sidecar.worker.problem import has_errors


def parse(text, name, directory, decoders):
    """The configuration, None if a problem is an error, and the problems."""
    file = read_nvinfer_file(text.encode("utf-8"), name, directory, all_keys())
    check_for_cpu(file, decoders)
    return None if has_errors(file.problems) else build_config(file), file.problems
