/** A piece of HTML or SVG, ready to be put into another one. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What can stand in a template: text gets escaped, markup does not, nothing is left out. */
export type Part = string | number | Markup | Part[] | undefined | false;

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escape = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Markup) return part.text;
  return Array.isArray(part) ? part.map(render).join("") : escape(String(part));
}

/** Template for HTML and SVG that escapes whatever is put into it. */
export function markup(texts: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(texts.map((text, i) => text + render(parts[i])).join(""));
}
