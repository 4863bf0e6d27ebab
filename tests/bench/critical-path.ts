/** What one operation of an `up` took, and what it waited for. */
export interface Operation {
  name: string;
  /** Milliseconds since the `up` began. */
  start: number;
  end: number;
  /** Names of the operations that had to end before. */
  after: string[];
}

/** The chain of operations that ends last: each link is the one that the next had to wait for longest. */
export function criticalPath(operations: Operation[]): Operation[] {
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const last = (candidates: Operation[]) =>
    candidates.reduce<Operation | undefined>(
      (latest, one) => (latest && latest.end >= one.end ? latest : one),
      undefined,
    );
  const path: Operation[] = [];
  for (let link = last(operations); link;) {
    path.unshift(link);
    link = last(link.after.flatMap((name) => byName.get(name) ?? []));
  }
  return path;
}
