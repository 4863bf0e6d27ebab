import { posix } from "node:path";
import { z } from "zod";
import { UserProblem } from "../problem";
import { askPulumi } from "./pulumi";

/** The stack's outputs that lead to a fleet. */
const outputsSchema = z.object({
  vpcId: z.string(),
  workerInstanceProfileArn: z.string(),
  bastionGroupName: z.string(),
  runnerConfigParameterName: z.string(),
  sweepFunctionName: z.string(),
  registryMirrorUrl: z.string().optional(),
});
const configSchema = z.record(z.string(), z.object({ value: z.string().optional() }));
const endpointsSchema = z.array(z.record(z.string(), z.string()));

/** Where AWS is, and who asks. */
export interface AwsPlace {
  region: string;
  /** Profile of the AWS configuration files. Undefined: what the environment says. */
  profile: string | undefined;
  /** Addresses by service, e.g. `ec2`, where they are not AWS's own. */
  endpoints: Record<string, string>;
}

/** A fleet that was brought up, as its stack describes it. */
export interface DeployedFleet extends AwsPlace {
  /** E.g. `stack dev`. */
  title: string;
  vpcId: string;
  /** Tells workers from all other instances. */
  workerInstanceProfileArn: string;
  bastionGroupName: string;
  /** SSM parameter with the published `config.toml`. */
  runnerConfigParameterName: string;
  /** SSM parameter with the ids of the bastions that shall drain. */
  drainParameterName: string;
  sweepFunctionName: string;
  logGroups: {
    bastion: string;
    /** Undefined: the mirror is switched off. */
    registryMirror: string | undefined;
    sweep: string;
  };
}

/**
 * Asks Pulumi for a stack's outputs and for where its AWS is.
 * @param stack undefined: the one that is selected
 * @throws UserProblem when there is no such stack, or it is not up in this version.
 */
export async function findFleet(stack: string | undefined): Promise<DeployedFleet> {
  const [outputs, config] = await Promise.all([
    askPulumi(["stack", "output"], stack),
    askPulumi(["config"], stack),
  ]);
  return deployedFleet(stack === undefined ? "selected stack" : `stack ${stack}`, outputs, config);
}

/** @throws UserProblem when the outputs are not those of a fleet that this version has brought up. */
export function deployedFleet(title: string, outputs: unknown, config: unknown): DeployedFleet {
  const { success, data, error } = outputsSchema.safeParse(outputs);
  if (!success) {
    const missing = error.issues.map(({ path }) => path.join(".")).join(", ");
    throw new UserProblem(
      `The ${title} has no ${missing} among its outputs: it is not up, or was brought up by an older version. Run pulumi up.`,
    );
  }
  const bastionPath = posix.dirname(data.runnerConfigParameterName);
  return {
    title,
    ...awsPlace(title, config),
    vpcId: data.vpcId,
    workerInstanceProfileArn: data.workerInstanceProfileArn,
    bastionGroupName: data.bastionGroupName,
    runnerConfigParameterName: data.runnerConfigParameterName,
    drainParameterName: `${bastionPath}/drain`,
    sweepFunctionName: data.sweepFunctionName,
    logGroups: {
      bastion: bastionPath,
      registryMirror:
        data.registryMirrorUrl === undefined ? undefined : `${posix.dirname(bastionPath)}/registry-mirror`,
      sweep: `/aws/lambda/${data.sweepFunctionName}`,
    },
  };
}

function awsPlace(title: string, config: unknown): AwsPlace {
  const values = configSchema.parse(config);
  const region = values["aws:region"]?.value;
  if (region === undefined) throw new UserProblem(`The ${title} has no aws:region in its configuration.`);
  const endpoints = endpointsSchema.parse(JSON.parse(values["aws:endpoints"]?.value ?? "[]"));
  return {
    region,
    profile: values["aws:profile"]?.value,
    endpoints: endpoints.reduce((all, some) => ({ ...all, ...some }), {}),
  };
}
