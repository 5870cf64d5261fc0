/** Makes and finds elements. Text is always text: nothing that a camera or a file says becomes markup. */

type Child = Node | string;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** The element of index.html with this id. */
export function byId<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`);
  return found;
}

/** Replaces what an element shows, unless it shows that already: a screen reader reads out what changes. */
export function show(target: HTMLElement, text: string, className = ""): void {
  if (target.textContent !== text) target.textContent = text;
  if (target.className !== className) target.className = className;
}
