import { execFile } from "node:child_process";
import { errorCode, UserProblem } from "../problem";

/**
 * What Pulumi says of a stack, as JSON.
 * @param stack undefined: the one that is selected
 * @throws UserProblem when there is no Pulumi, or with Pulumi's reason.
 */
export async function askPulumi(args: string[], stack: string | undefined): Promise<unknown> {
  const whole = [...args, "--json", "--non-interactive", "--color=never"];
  if (stack !== undefined) whole.push("--stack", stack);
  const printed = await new Promise<string>((resolve, reject) => {
    execFile("pulumi", whole, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(pulumiProblem(error, stderr));
      else resolve(stdout);
    });
  });
  return JSON.parse(printed);
}

function pulumiProblem(error: Error, stderr: string): UserProblem {
  if (errorCode(error) === "ENOENT") {
    return new UserProblem(
      "pulumi is missing: install it from https://www.pulumi.com/docs/iac/download-install/ and see that it is on the PATH.",
    );
  }
  const reason = /^error: (.*)/m.exec(stderr)?.[1] ?? stderr.trim();
  return new UserProblem(`Pulumi says: ${reason}`);
}
