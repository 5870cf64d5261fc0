/** Whether the models of a specification fit together: one detector, and models that work on what others find. */

import { basename } from "node:path";
import { type Problem, problem } from "../../../common/problem.js";
import { type Bundle, numberOf, numbersOf, property } from "../bundle/bundle.js";
import { classifiesObjects, worksOnObjects } from "../bundle/classifier-rules.js";
import { classNamesOf } from "../bundle/labels.js";
import type { Model, Spec } from "./schema.js";

/** nvinfer's, where gie-unique-id is absent. */
const DEFAULT_ID = 15;
const ANY_MODEL = -1;

/** What the other models must know of one. */
interface Member {
  readonly name: string;
  /** gie-unique-id. */
  readonly id: number;
  readonly classifies: boolean;
  /** Of objects that it finds. */
  readonly classes: number;
  /** Undefined: it looks at whole frames. */
  readonly on: Objects | undefined;
}

/** The objects that a model works on. */
interface Objects {
  /** gie-unique-id of the model that finds them, or ANY_MODEL. */
  readonly model: number;
  /** Empty: all. */
  readonly classIds: readonly number[];
  /** Objects without a track id are not inferred. */
  readonly onlyTracked: boolean;
}

/** bundles: of each model; undefined: it is not known, and nothing is said that depends on it. */
export function cascadeProblems(
  { models, tracker }: Spec,
  bundles: readonly (Bundle | undefined)[],
): Problem[] {
  const members = models.map((model, i) => memberOf(model, bundles[i]));
  const isTracked = (tracker?.algorithm ?? "UNSPECIFIED") !== "UNSPECIFIED";
  return members.flatMap((member, i) =>
    member === undefined
      ? []
      : memberProblems(member, members.slice(0, i), isTracked, `models[${i}].bundle_path`),
  );
}

function memberOf({ bundle_path = "" }: Model, bundle: Bundle | undefined): Member | undefined {
  if (bundle === undefined) return undefined;
  const classifies = classifiesObjects(bundle);
  return {
    name: basename(bundle_path).replace(/@.*/, ""),
    id: numberOf(bundle, "gie-unique-id", DEFAULT_ID),
    classifies,
    classes: classifies ? 0 : (classNamesOf(bundle)?.length ?? 0),
    on: worksOnObjects(bundle) ? objectsOf(bundle, classifies) : undefined,
  };
}

function objectsOf(bundle: Bundle, classifies: boolean): Objects {
  const { values } = bundle.config;
  const isAsync = property(bundle, "classifier-async-mode");
  return {
    model: Math.max(ANY_MODEL, numberOf(bundle, "operate-on-gie-id", ANY_MODEL)),
    classIds: numbersOf(bundle, "operate-on-class-ids"),
    // nvinfer turns it off for detectors.
    onlyTracked: classifies && isAsync !== undefined && values.boolean(isAsync.raw) === true,
  };
}

function memberProblems(
  member: Member,
  before: readonly (Member | undefined)[],
  isTracked: boolean,
  path: string,
): Problem[] {
  const { name, on } = member;
  if (before.length === 0) {
    if (on === undefined) return [];
    const [what, keys] = member.classifies
      ? ["classifies objects", "network-type=1"]
      : ["works on the objects of another model", "process-mode=2"];
    const message = `the first model detects objects on whole frames, and ${name} ${what} (${keys}): name a detector before it`;
    return [problem("model-order", path, message)];
  }
  if (on === undefined) {
    const message = `${name} looks at whole frames (process-mode=1), which only the first model does: set process-mode=2`;
    return [problem("model-order", path, message)];
  }
  const problems: Problem[] = [];
  const same = before.find((one) => one?.id === member.id);
  if (same !== undefined) {
    const message = `${same.name} and ${name} both have gie-unique-id ${member.id}, which tells apart what models find: set another`;
    problems.push(problem("duplicate-gie-id", path, message));
  }
  problems.push(...finderProblems(name, on, before, path));
  if (on.onlyTracked && !isTracked) {
    const message =
      "classifier-async-mode infers tracked objects alone, and there is no tracker: set one, such as iou";
    problems.push(problem("tracker-missing", path, message));
  }
  return problems;
}

/** Whether a model before it finds the objects that a model works on. */
function finderProblems(
  name: string,
  on: Objects,
  before: readonly (Member | undefined)[],
  path: string,
): Problem[] {
  const known = before.filter((one) => one !== undefined);
  if (known.length < before.length) return [];
  const detectors = known.filter(({ classifies }) => !classifies);
  const finders = detectors.filter(({ id }) => on.model === ANY_MODEL || on.model === id);
  const [first] = finders;
  if (first === undefined) {
    const ids = detectors.map((one) => `${one.id} (${one.name})`).join(", ");
    const message = `${name} works on objects of gie-unique-id ${on.model} (operate-on-gie-id): the detectors before it have ${ids}`;
    return [problem("unknown-gie-id", path, message)];
  }
  const classes = Math.max(...finders.map((one) => one.classes));
  if (on.classIds.length === 0 || on.classIds.some((id) => id < classes)) return [];
  const ids = [...on.classIds].sort((a, b) => a - b).join(", ");
  const message = `${name} works on classes ${ids} (operate-on-class-ids), and ${first.name} has ${first.classes}: correct them`;
  return [problem("unknown-class-id", path, message)];
}
