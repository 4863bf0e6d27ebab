import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserProblem } from "../problem";

/** @throws UserProblem that says how to get what is missing: Pulumi, or a Python for the emulator. */
export function requireLocalPrograms(): void {
  const problems = [
    hasProgram("pulumi", ["version"])
      ? []
      : "pulumi is missing: install it from https://www.pulumi.com/docs/iac/download-install/ and see that it is on the PATH.",
    hasProgram("python3", ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 10))"])
      ? []
      : "python3, version 3.10 or newer with venv, is missing: it runs the AWS emulator. See https://www.python.org/downloads/ (Debian and Ubuntu: apt-get install python3-venv).",
  ].flat();
  if (problems.length > 0) throw new UserProblem(problems.join("\n"));
}

function hasProgram(name: string, args: string[]): boolean {
  return spawnSync(name, args, { stdio: "ignore" }).status === 0;
}

const requirements = join(__dirname, "requirements.txt");

/**
 * The Python of a virtual environment that has the emulator; makes the environment when it is absent or has another version.
 * @throws UserProblem with what Python said.
 */
export function emulatorPython(folder: string, say: (line: string) => void): string {
  const python = join(folder, "bin", "python3");
  const installed = join(folder, "requirements.txt");
  if (existsSync(installed) && readFileSync(installed, "utf8") === readFileSync(requirements, "utf8"))
    return python;
  say("Installing the AWS emulator (moto), which takes a minute");
  rmSync(folder, { recursive: true, force: true });
  run("python3", ["-m", "venv", folder]);
  run(python, [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--requirement",
    requirements,
  ]);
  cpSync(requirements, installed);
  return python;
}

function run(command: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0)
    throw new UserProblem(`${[command, ...args].join(" ")} failed:\n${stdout}${stderr}`.trim());
}
