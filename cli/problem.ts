/** What the user has to put right: the command prints the message alone and ends with status 1. */
export class UserProblem extends Error {
  override readonly name: string = "UserProblem";
}

/** A command line that the command does not take: the message ends with how the command is called. */
export class UsageProblem extends UserProblem {
  override readonly name = "UsageProblem";

  constructor(message: string, usage: string) {
    super(`${message}\n\n${usage}`);
  }
}

/** The `code` of an error of Node's own, e.g. `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
