import { execFileSync } from "child_process";
import * as path from "path";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { StackSettings } from "../../cli/local/workspace";
import { Account } from "../engine/account";
import type { HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { makeProgramImage } from "../tools/program-image";
import { requireProgram } from "../tools/programs";
import { RegistryMachine } from "../tools/registry-machine";
import { Aws } from "./aws";
import { Bastion, bastionPackages } from "./bastion";
import { Site } from "./site";
import { FleetStack } from "./stack";
import { workerPackages } from "./worker";
import { WorkerMachines } from "./worker-machines";

const region = "eu-west-1";
const mirrorHost = "registry-mirror.dev.gitlab-runner-fleet.internal";

/** A runner of the stack file. */
type RunnerSettings = Record<string, unknown>;

/** What a test says of the stack file. */
export interface FleetSettings {
  concurrent?: number;
  checkInterval?: number;
  runners: RunnerSettings[];
}

/** A fleet that was brought up from a stack file, with everything that is around it. */
export class Fleet {
  /** Bastions beside the fleet's own. */
  private readonly formers: Bastion[] = [];

  private constructor(
    readonly aws: Aws,
    readonly account: Account,
    readonly stack: FleetStack,
    readonly site: Site,
    readonly mirror: RegistryMachine,
    private currentBastion: Bastion,
    readonly workers: WorkerMachines,
    private readonly metadata: HttpServer,
    private tokens: Record<string, string>,
  ) {}

  /** Brings up the committed stack `dev` with other runners, and waits until its bastion runs. */
  static async start(settings: FleetSettings): Promise<Fleet> {
    const startingMirror = RegistryMachine.start();
    const workers = new WorkerMachines();
    const aws = await Aws.start(workers);
    const account = new Account(aws.emulator.url, region);
    const stack = new FleetStack(account);
    const tokens = tokensOf(settings);
    await stack.up(stackSettings(settings, tokens));
    const downloads = { "docker-machine": requireProgram("docker-machine") };
    const packages = [...bastionPackages(), ...workerPackages()];
    const site = await Site.start(aws, { [mirrorHost]: FleetStack.mirrorAddress }, packages, downloads);
    workers.site = site;
    const metadata = await startInstanceMetadata("bastion", await roleCredentials(aws, stack));
    await site.serveMetadata(metadata.url);
    const mirror = await startingMirror;
    const [bastion] = await Promise.all([
      bootBastion(stack, site),
      site.network.connect(mirror.machine, FleetStack.mirrorAddress).then(() => publishImages(mirror, site)),
    ]);
    return new Fleet(aws, account, stack, site, mirror, bastion, workers, metadata, tokens);
  }

  get bastion() {
    return this.currentBastion;
  }

  get gitlab() {
    return this.site.gitlab;
  }

  /** `pulumi up` with another stack file, and what the bastion's timer then does within a minute. */
  async configure(settings: FleetSettings, tokens: Record<string, string> = {}): Promise<string> {
    this.tokens = { ...tokensOf(settings), ...this.tokens, ...tokens };
    await this.stack.up(stackSettings(settings, this.tokens));
    return await this.bastion.sync();
  }

  /** Terminates the bastion at once, and waits until the one that its group starts has booted. */
  async terminateBastion(): Promise<void> {
    await this.bastion.stop();
    await this.account.ec2.send(new TerminateInstancesCommand({ InstanceIds: [this.stack.bastionId] }));
    await this.stack.findBastion();
    this.currentBastion = await bootBastion(this.stack, this.site);
  }

  /** Boots the bastion of another group, which is then the fleet's. Returns the former, which goes on. */
  async bootSuccessor(): Promise<Bastion> {
    const former = this.bastion;
    this.formers.push(former);
    await this.stack.makeSuccessor();
    this.currentBastion = await bootBastion(this.stack, this.site, FleetStack.successorAddress);
    return former;
  }

  async stop(): Promise<void> {
    for (const bastion of [this.bastion, ...this.formers]) await bastion.stop();
    await this.workers.stop();
    await this.mirror.stop();
    await this.metadata.stop();
    await this.site.stop();
    await this.aws.stop();
  }
}

function tokensOf({ runners }: FleetSettings): Record<string, string> {
  return Object.fromEntries(runners.map(({ name }) => [String(name), `glrt-${String(name)}-token`]));
}

function stackSettings(fleetSettings: FleetSettings, runnerTokens: Record<string, string>): StackSettings {
  const settings = { ...fleetSettings, runnerTokens, gitlabUrl: "https://gitlab.example.com" };
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`gitlab-runner-fleet:${key}`, value]),
  );
}

function bootBastion(stack: FleetStack, site: Site, address = FleetStack.bastionAddress): Promise<Bastion> {
  return Bastion.boot(stack.bastionUserData(), { id: stack.bastionId, address }, site);
}

/** What the bastion's role is given. */
async function roleCredentials(aws: Aws, stack: FleetStack) {
  const credentials = { accessKeyId: "emulator", secretAccessKey: "emulator" };
  const sts = new STSClient({ endpoint: aws.emulator.url, region, credentials });
  const RoleArn = stack.outputOf("aws:iam/role:Role", "bastion-role", "arn");
  const assumed = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "instance" }));
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = assumed.Credentials ?? {};
  return { AccessKeyId, SecretAccessKey, Token: SessionToken };
}

/** Puts the images of jobs and of the runner's helper where the mirror finds them. */
async function publishImages(mirror: RegistryMachine, site: Site): Promise<void> {
  const { machine } = mirror;
  const applets = execFileSync(requireProgram("busybox"), ["--list"], { encoding: "utf8" });
  const commands = applets.split("\n").filter((name) => /^[a-z]/.test(name));
  site.trust(machine);
  const busybox = await makeProgramImage(machine, {
    programs: [requireProgram("busybox")],
    links: commands,
    configuration: { Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"] },
  });
  mirror.publish("registry-1.docker.io/library/alpine", "3.22", busybox);
  const machines = path.join(__dirname, "machines");
  const helper = await makeProgramImage(machine, {
    programs: ["busybox", "curl", "bash", "git"]
      .map(requireProgram)
      .concat(["gitlab-runner-helper", "gitlab-runner-build"].map((name) => path.join(machines, name))),
    links: commands,
    files: ["/etc/ssl/certs/ca-certificates.crt"],
    configuration: { Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"] },
  });
  mirror.publish("registry-1.docker.io/fleet/gitlab-runner-helper", "1", helper);
}
