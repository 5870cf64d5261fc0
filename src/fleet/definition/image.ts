/** Names of container images. */

export interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const host = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?";
const name = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Undefined where the text is no name of an image. */
export function parseImageName(text: string): ImageName | undefined {
  const [, repository, tag, digest] = name.exec(text) ?? [];
  return repository === undefined ? undefined : { repository, tag, digest };
}
