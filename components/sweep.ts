import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { answerTime, successorTime } from "../sweep/settings";
import { accountOf } from "./account";
import { policyJson } from "./iam";
import type { Tags } from "./instance";
import { checkArgs } from "./problems";
import { drainTimeout, logRetentionDays, regionName } from "./schemas";
import { sweepCode } from "./sweep-code";
import { lambdaMayAssume, sweepStatements } from "./sweep-policy";
import type { WorkerKind } from "./workers";

/** The workers as the sweep sees them: a `Workers` will do. */
export interface SweptWorkers {
  /** Marks an instance as a worker of the fleet. */
  instanceProfileArn: pulumi.Input<string>;
  kinds: Pick<WorkerKind, "spot">[];
}

/** The bastion as the sweep sees it: a `Bastion` will do. */
export interface SweptBastion {
  /** Auto Scaling group. When it changes, the former one's bastion drains and goes. */
  groupName: pulumi.Input<string>;
  /** Log group with the bastions' reports. */
  logGroupName: string;
  /** SSM parameter that tells bastions to drain. */
  drainParameterName: string;
}

/** What a sweep is made of. */
export interface SweepArgs {
  region: string;
  /** Tag `fleet-id` of everything that is the fleet's. */
  fleetId: pulumi.Input<string>;
  workers: SweptWorkers;
  bastion: SweptBastion;
  /** Seconds in which running jobs may finish when a bastion goes. Default: 3600. */
  drainTimeout?: number;
  /** All that a draining bastion and its jobs need: it stays until they are done. */
  neededUntilDrained: pulumi.Resource[];
  /** Days that the function's log is kept. Default: 30. */
  logRetentionDays?: number;
  tags?: Tags;
}

const argsSchema = z.object({
  region: regionName,
  drainTimeout: drainTimeout.optional(),
  logRetentionDays: logRetentionDays.optional(),
});

/** Seconds of Lambda's longest invocation. */
const longestInvocation = 900;

/** Seconds of it in which it waits for jobs. */
const longestWait = longestInvocation - answerTime;

function asksForSpot({ kinds }: SweptWorkers): boolean {
  return kinds.some(({ spot }) => spot);
}

/** Invocations that a bastion's farewell takes at most: as many as it waits in, and one that ends it. */
export function handoverSteps(drainTimeout: number): number {
  return Math.ceil((successorTime + drainTimeout) / longestWait) + 1;
}

/**
 * Removes what docker-machine leaves behind: workers whose bastion is gone or no longer knows them, key pairs that no instance uses,
 * spot requests without an instance. Every five minutes; and, invoked by Pulumi, all of it before the fleet is destroyed. A bastion
 * that is replaced or destroyed drains first.
 *
 * Makes: a Lambda function with role and log group, its schedule, and the invocations that go through a bastion's farewell. These are
 * made last and go first.
 *
 * Cost: about $0.10 a month, in us-east-1: 8640 invocations of 2 seconds with 256 MB; most accounts have as much for free.
 */
export class Sweep extends pulumi.ComponentResource {
  readonly functionName: pulumi.Output<string>;

  constructor(name: string, args: SweepArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("Sweep", argsSchema, args);
    super("fleet:index:Sweep", name, {}, opts);
    const child = { parent: this };
    const tags = { ...args.tags };
    const { workers, bastion, drainTimeout = 3600 } = args;

    const role = new aws.iam.Role(
      `${name}-role`,
      { description: "Sweep of a GitLab Runner fleet", assumeRolePolicy: lambdaMayAssume, tags },
      child,
    );
    const sweep = new aws.lambda.Function(
      `${name}-function`,
      {
        description: "Removes what docker-machine leaves behind of a GitLab Runner fleet",
        runtime: aws.lambda.Runtime.NodeJS22dX,
        architectures: ["arm64"],
        handler: "handler.handler",
        code: sweepCode(),
        role: role.arn,
        memorySize: 256,
        timeout: longestInvocation,
        environment: {
          variables: {
            FLEET_ID: args.fleetId,
            WORKER_PROFILE_ARN: workers.instanceProfileArn,
            BASTION_LOG_GROUP: bastion.logGroupName,
            DRAIN_PARAMETER: bastion.drainParameterName,
            DRAIN_TIMEOUT: String(drainTimeout),
            SPOT: String(asksForSpot(workers)),
          },
        },
        tags,
      },
      child,
    );
    // Made here: Lambda's own would stay when the fleet goes, and keep everything for ever.
    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      {
        name: pulumi.interpolate`/aws/lambda/${sweep.name}`,
        retentionInDays: args.logRetentionDays ?? 30,
        tags,
      },
      child,
    );
    const permissions = this.letSweep(name, args, role, log);
    const handovers = this.handOver(name, args, sweep, handoverSteps(drainTimeout), [permissions, log]);
    this.schedule(name, sweep, tags, handovers);

    this.functionName = sweep.name;
    this.registerOutputs({ functionName: this.functionName });
  }

  private letSweep(
    name: string,
    { region, fleetId, workers, bastion }: SweepArgs,
    role: aws.iam.Role,
    log: aws.cloudwatch.LogGroup,
  ): pulumi.Resource {
    const policy = pulumi
      .output({
        ...accountOf(this),
        fleetId,
        workerProfileArn: workers.instanceProfileArn,
        logGroupName: log.name,
      })
      .apply((scope) =>
        policyJson(
          ...sweepStatements({
            ...scope,
            region,
            spot: asksForSpot(workers),
            bastionLogGroupName: bastion.logGroupName,
            drainParameterName: bastion.drainParameterName,
          }),
        ),
      );
    return new aws.iam.RolePolicy(`${name}-role-policy`, { role: role.name, policy }, { parent: this });
  }

  /** One after the other, because Pulumi waits for each, and Lambda ends each after a quarter of an hour. */
  private handOver(
    name: string,
    args: SweepArgs,
    sweep: aws.lambda.Function,
    steps: number,
    before: pulumi.Resource[],
  ): pulumi.Resource[] {
    const made: pulumi.Resource[] = [];
    for (let step = 1; step <= steps; step++) {
      made.push(
        new aws.lambda.Invocation(
          `${name}-handover-${step}`,
          {
            functionName: sweep.name,
            lifecycleScope: "CRUD",
            input: pulumi.jsonStringify({ step, steps, group: args.bastion.groupName }),
          },
          { parent: this, dependsOn: [...before, ...args.neededUntilDrained, ...made.slice(-1)] },
        ),
      );
    }
    return made;
  }

  /** The function takes the end of its schedule for the end of the fleet. */
  private schedule(name: string, sweep: aws.lambda.Function, tags: Tags, dependsOn: pulumi.Resource[]): void {
    const child = { parent: this, dependsOn };
    const rule = new aws.cloudwatch.EventRule(
      `${name}-schedule`,
      {
        description: "Removes what docker-machine leaves behind of a GitLab Runner fleet",
        scheduleExpression: "rate(5 minutes)",
        tags,
      },
      child,
    );
    new aws.lambda.Permission(
      `${name}-schedule-permission`,
      {
        action: "lambda:InvokeFunction",
        function: sweep.name,
        principal: "events.amazonaws.com",
        sourceArn: rule.arn,
      },
      child,
    );
    new aws.cloudwatch.EventTarget(
      `${name}-schedule-target`,
      { rule: rule.name, arn: sweep.arn, input: "{}" },
      child,
    );
  }
}
