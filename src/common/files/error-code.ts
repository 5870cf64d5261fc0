/** The name that the system has for an error, for example ENOSPC. Undefined: it is none of the system's. */
export function errorCode(reason: unknown): string | undefined {
  return reason instanceof Error && "code" in reason ? String(reason.code) : undefined;
}
