import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { z } from "zod";
import { UserProblem } from "../problem";
import { columns } from "../table";
import { isAwsError } from "./aws";

const resultSchema = z.object({
  removed: z.array(z.object({ kind: z.string(), id: z.string(), why: z.string() })),
  /** How many things were looked at and belong to somebody. */
  kept: z.number(),
  dryRun: z.boolean(),
});

/** What a sweep has removed, or would remove. */
export type SweepResult = z.infer<typeof resultSchema>;

/**
 * Sweeps now.
 * @param dryRun say only what would be removed
 * @throws UserProblem when there is no such function, or it failed.
 */
export async function invokeSweep(
  lambda: LambdaClient,
  FunctionName: string,
  dryRun: boolean,
): Promise<SweepResult> {
  const Payload = JSON.stringify(dryRun ? { dryRun } : {});
  try {
    const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
    return sweepResult(FunctionName, answer.FunctionError, answer.Payload?.transformToString() ?? "");
  } catch (error) {
    if (!isAwsError(error, "ResourceNotFoundException")) throw error;
    throw new UserProblem(`There is no Lambda function ${FunctionName}: run pulumi up.`);
  }
}

const failureSchema = z.object({ errorMessage: z.string() });

/** @throws UserProblem when the function failed, or answered something else than a result. */
export function sweepResult(name: string, functionError: string | undefined, payload: string): SweepResult {
  const answer: unknown = JSON.parse(payload === "" ? "null" : payload);
  if (functionError !== undefined) {
    const { data } = failureSchema.safeParse(answer);
    const reason = data?.errorMessage.replaceAll("\n", " ") ?? functionError;
    throw new UserProblem(`The sweep failed: ${reason}. Its log: npm run fleet -- logs sweep`);
  }
  const { data } = resultSchema.safeParse(answer);
  if (data === undefined) throw new UserProblem(`${name} answered what no sweep answers: ${payload}`);
  return data;
}

/** What was removed, or would be, and why. */
export function sweepText({ removed, kept, dryRun }: SweepResult): string[] {
  const count = `${removed.length === 0 ? "nothing" : removed.length}, keeps ${kept}`;
  const title = dryRun
    ? `The next sweep removes ${count}`
    : `Removed ${removed.length === 0 ? "nothing" : removed.length}, kept ${kept}`;
  return [title, ...columns(removed.map(({ kind, id, why }) => [kind, id, why])).map((row) => `  ${row}`)];
}
