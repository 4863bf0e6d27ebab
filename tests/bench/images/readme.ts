/** Puts a text between `<!-- name -->` and `<!-- /name -->`; a page without these marks stays as it is. */
export function replaceBetweenMarks(page: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  return page.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}
