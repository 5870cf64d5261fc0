/** What a person can do: each action is one request, whose outcome is shown beside its button. */

import { show } from "./dom.js";

/** Returns the answer, or undefined after a refusal. The button rests meanwhile. */
export async function post<Answer>(
  path: string,
  body: object,
  button: HTMLButtonElement,
  outcome: HTMLElement,
  done: string,
): Promise<Answer | undefined> {
  button.disabled = true;
  show(outcome, "");
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Answer & { error?: string };
    if (!response.ok) throw new Error(answer.error ?? response.statusText);
    show(outcome, done, "quiet");
    return answer;
  } catch (error) {
    show(outcome, error instanceof Error ? error.message : String(error), "bad");
    return undefined;
  } finally {
    button.disabled = false;
    button.focus();
  }
}
