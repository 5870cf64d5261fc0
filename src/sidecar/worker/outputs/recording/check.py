"""Checks whether recordings can be written now."""

from typing import List

from sidecar.contract import spec
from sidecar.worker.outputs.recording.folder import Folder
from sidecar.worker.outputs.recording.names import stem
from sidecar.worker.problem import WARNING, Problem


def unusable_folders(specification: spec.PipelineSpec, root: str) -> List[Problem]:
    """Warnings: a disk that cannot be written to today is no reason to refuse the other outputs. May wait for the disk.

    specification: one without errors of check(). root: the directory of recordings.
    """
    problems = []
    for index, output in enumerate(specification.outputs):
        problem = Folder(root, stem(output.file.path)).problem() if output.HasField("file") else None
        if problem is not None:
            message = "%s; nothing is recorded until it can be; this is tried again and again" % problem
            problems.append(Problem(WARNING, "recordings-unwritable", "outputs[%d].file.path" % index, message))
    return problems
