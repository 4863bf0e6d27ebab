import * as fs from "fs";
import { environmentFile } from "../../components/user-data";
import type { Emulator } from "../tools/emulator";
import type { PackageRepository } from "../tools/package-repository";
import type { ThrowawayMachine } from "../tools/throwaway-machine";

/** AWS region of the examples. */
export const region = "eu-west-1";

/** Credentials that the emulator takes while access control is off. */
export const anyCredentials = { AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret", Token: "token" };

/** Publishes a parameter in the emulator. */
export async function publish(
  emulator: Emulator,
  name: string,
  value: string,
  type = "String",
): Promise<void> {
  await emulator.ssm(region, "PutParameter", { Name: name, Value: value, Type: type, Overwrite: true });
}

/** Leaves the machine with one package repository only: the one whose address its environment file has. */
export function useRepository(
  machine: ThrowawayMachine,
  file: string,
  prefix: string,
  repository: PackageRepository,
  more: Record<string, string>,
): void {
  fs.rmSync(machine.outside("/etc/apt/sources.list"), { force: true });
  for (const name of fs.readdirSync(machine.outside("/etc/apt/sources.list.d"))) {
    fs.rmSync(machine.outside(`/etc/apt/sources.list.d/${name}`));
  }
  appendVariables(machine, file, {
    [`${prefix}_REPOSITORY_URL`]: repository.url,
    [`${prefix}_REPOSITORY_COMPONENT`]: "main",
    [`${prefix}_KEY_URL`]: repository.keyUrl,
    [`${prefix}_KEY_FINGERPRINT`]: repository.keyFingerprint,
    ...more,
  });
}

/** Replaces variables of an environment file: the last one wins. */
export function appendVariables(
  machine: ThrowawayMachine,
  file: string,
  variables: Record<string, string>,
): void {
  fs.appendFileSync(machine.outside(file), environmentFile(variables));
}

/** Lets seconds pass for the machines that tidy.sh has taken note of. */
export async function ageLostMachines(machine: ThrowawayMachine, seconds: number): Promise<void> {
  const script = `
for file in /run/fleet/lost/* /run/fleet/asked/*; do
  [ ! -e "$file" ] || echo "$(($(cat "$file") - ${seconds}))" >"$file"
done`;
  const { status, stderr } = await machine.run(["sh", "-c", script]);
  if (status !== 0) throw new Error(stderr);
}
