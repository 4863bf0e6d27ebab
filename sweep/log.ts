/** One line of JSON, which CloudWatch finds the fields in. The runtime puts nothing before it, as it would with `console.log`. */
export function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
