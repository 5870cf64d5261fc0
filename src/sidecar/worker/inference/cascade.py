"""Whether the models of a specification fit together: one detector, and models that work on what others find. Pure."""

from typing import Iterable, List, NamedTuple, Optional, Sequence

from sidecar.worker.inference.object_rules import ANY_MODEL, ObjectRules
from sidecar.worker.problem import WARNING, Problem, error


class Member(NamedTuple):
    """What the other models must know of one."""

    # The name of its directory.
    name: str
    # gie-unique-id.
    id: int
    # None: it looks at whole frames.
    rules: Optional[ObjectRules]
    is_classifier: bool
    # Of objects that it finds.
    classes: int


def placed(index: int, problems: Iterable[Problem]) -> List[Problem]:
    """A model's own problems, with its place in the specification."""
    path = "models[%d]" % index
    return [
        one._replace(path="%s.%s" % (path, one.path))
        if one.path.startswith(("bundle_path", "classes"))
        else one._replace(path="%s: %s" % (path, one.path) if index else one.path)
        for one in problems
    ]


def cascade_problems(members: Sequence[Member], is_tracked: bool) -> List[Problem]:
    """members: in the order of the specification."""
    return [
        problem
        for index, member in enumerate(members)
        for problem in placed(index, _problems(member, members[:index], is_tracked))
    ]


def _problems(member: Member, before: Sequence[Member], is_tracked: bool) -> Iterable[Problem]:
    rules = member.rules
    if not before:
        if rules is not None or member.is_classifier:
            what = "classifies objects" if member.is_classifier else "works on the objects of another model"
            message = "the first model detects objects on whole frames, and %s %s (%s); name a detector before it"
            keys = "network-type=1" if member.is_classifier else "process-mode=2"
            yield error("model-order", "bundle_path", message % (member.name, what, keys))
        return
    if rules is None:
        message = "%s looks at whole frames (process-mode=1), which only the first model does; set process-mode=2"
        yield error("model-order", "bundle_path", message % member.name)
        return
    same = next((one for one in before if one.id == member.id), None)
    if same is not None:
        message = "%s and %s both have gie-unique-id %d, which tells apart what models find; set another"
        yield error("duplicate-gie-id", "bundle_path", message % (same.name, member.name, member.id))
    finders = [one for one in before if not one.is_classifier and rules.model_id in (ANY_MODEL, one.id)]
    if not finders:
        known = ", ".join("%d (%s)" % (one.id, one.name) for one in before if not one.is_classifier)
        message = "%s works on objects of gie-unique-id %d (operate-on-gie-id); the detectors before it have %s"
        yield error("unknown-gie-id", "bundle_path", message % (member.name, rules.model_id, known))
    elif rules.class_ids and not any(one < max(finder.classes for finder in finders) for one in rules.class_ids):
        message = "%s works on classes %s (operate-on-class-ids), and %s has %d; correct them"
        ids = ", ".join(str(one) for one in sorted(rules.class_ids))
        yield error(
            "unknown-class-id", "bundle_path", message % (member.name, ids, finders[0].name, finders[0].classes)
        )
    if rules.only_tracked and not is_tracked:
        message = "classifier-async-mode infers tracked objects alone, and there is no tracker; set one, such as iou"
        yield Problem(WARNING, "tracker-missing", "bundle_path", message)
