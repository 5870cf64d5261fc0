/** Ids of cameras and outputs: what they look like, and how a camera without one gets its id. */

export const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
export const ID_FORM = "up to 63 of a-z, 0-9, _ and -, the first a letter or digit";

/** Front Door, 2nd -> front-door-2nd. Undefined: the name has no letter or digit for an id. */
export function slugOf(name: string): string | undefined {
  const slug = name
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^[-_]+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return slug === "" ? undefined : slug;
}

/** cam1, cam2 ... by the place in the list, from 1: naming one camera does not rename the others. */
export function freeId(place: number, taken: { has(id: string): boolean }): string {
  let number = place;
  while (taken.has(`cam${number}`)) number++;
  return `cam${number}`;
}

/** Ids in the order of the list. Given ids and ids from names may be equal; they are not changed. */
export function idsOf(
  cameras: readonly { readonly id?: string | undefined; readonly name?: string | undefined }[],
): string[] {
  const wanted = cameras.map(
    ({ id, name }) => id ?? (name === undefined ? undefined : slugOf(name)),
  );
  const taken = new Set(wanted);
  return wanted.map((id, index) => {
    const given = id ?? freeId(index + 1, taken);
    taken.add(given);
    return given;
  });
}
