/** The named volumes of a service definition, which outlive its containers. */
export function volumesOf(definition: unknown): string[] {
  // The definition is the project's own, whose form the linter checks.
  const { deployment } = definition as {
    deployment: { services: Record<string, { binds?: readonly string[] }> };
  };
  const binds = Object.values(deployment.services).flatMap(({ binds = [] }) => binds);
  return [...new Set(binds.flatMap((bind) => (bind.startsWith("/") ? [] : bind.split(":", 1))))];
}
