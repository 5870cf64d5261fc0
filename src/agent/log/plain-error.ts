/** Makes of an error something that JSON can print: an Error itself prints as {}. */

export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: unknown;
}

/** Keeps the chain of causes, down to a depth that no honest chain has. */
export function plainError(err: Error, depth = 8): PlainError {
  const { name, message, stack, cause } = err;
  return {
    name,
    message,
    ...("code" in err ? { code: err.code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: plainCause(cause, depth - 1) }),
  };
}

function plainCause(cause: unknown, depth: number): unknown {
  if (!(cause instanceof Error)) return cause;
  return depth <= 0 ? String(cause) : plainError(cause, depth);
}
