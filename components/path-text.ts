/** `runners[0].docker["a.b"]` of its parts. */
export function pathText(parts: readonly PropertyKey[]): string {
  return parts
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      if (!/^[A-Za-z_][\w-]*$/.test(name) && i > 0) return `[${JSON.stringify(name)}]`;
      return i > 0 ? `.${name}` : name;
    })
    .join("");
}
