import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { accountOf } from "./account";
import { policyJson, readParametersStatement, reportStatements, sessionManagerStatement } from "./iam";
import type { Tags } from "./instance";

/** What an always-on machine needs, whatever it does. */
export interface MachineBaseArgs {
  region: string;
  /** SSM path below which its parameters are, which is its log group's name too. */
  parameterPath: string;
  role: aws.iam.Role;
  /** Default: 30. */
  logRetentionDays: number | undefined;
  tags: Tags;
}

/**
 * Makes `${name}-role-policy`, which lets a machine read its parameters, report, and serve a Session Manager shell, and `${name}-log-group`.
 * A machine that boots before them has nothing to read and nowhere to write.
 */
export function machineBase(name: string, args: MachineBaseArgs, parent: pulumi.Resource): pulumi.Resource[] {
  const { region, parameterPath, role, logRetentionDays = 30, tags } = args;
  const policy = pulumi
    .output(accountOf(parent))
    .apply((account) =>
      policyJson(
        readParametersStatement({ ...account, region, path: parameterPath }),
        ...reportStatements({ ...account, region, logGroupName: parameterPath }),
        sessionManagerStatement,
      ),
    );
  return [
    new aws.iam.RolePolicy(`${name}-role-policy`, { role: role.name, policy }, { parent }),
    new aws.cloudwatch.LogGroup(
      `${name}-log-group`,
      { name: parameterPath, retentionInDays: logRetentionDays, tags: { ...tags } },
      { parent },
    ),
  ];
}
