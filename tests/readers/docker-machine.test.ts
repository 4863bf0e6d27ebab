import type { ChildProcess } from "child_process";
import * as fs from "fs";
import { renderMachineOptions, type MachineChoice } from "../../components/machine-options";
import { FaultProxy, type Fault } from "../engine/fault-proxy";
import { Emulator } from "../tools/emulator";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { examples } from "./examples";

jest.setTimeout(300_000);

const region = "eu-west-1";
const name = "runner-abcdefgh-worker-1700000000-0a1b2c3d";
const failures = "/run/fleet/creation-failures";
const environment = {
  PATH: "/opt/fleet/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
};

// As EC2 answers: it has its own want of capacity for a server's error, which the SDK tries again five times.
const noCapacity: Fault = {
  status: 500,
  code: "InsufficientInstanceCapacity",
  message: "We currently do not have sufficient capacity in the Availability Zone you requested.",
};
const refusals: Fault[] = [
  { status: 400, code: "VcpuLimitExceeded", message: "You have requested more vCPU capacity." },
  { status: 400, code: "InstanceLimitExceeded", message: "Your quota allows for 0 more running instances." },
  { status: 400, code: "MaxSpotInstanceCountExceeded", message: "Max spot instance count exceeded" },
  { status: 400, code: "SpotMaxPriceTooLow", message: "Your Spot request price of 0.01 is lower." },
  {
    status: 400,
    code: "Unsupported",
    message:
      "Your requested instance type (t3.medium) is not supported in your requested Availability Zone (eu-west-1a).",
  },
];

describe("The bastion's gitlab-runner", () => {
  it("finds the docker-machine that knows of fallbacks before the real one", () => {
    const unit = fs.readFileSync("userdata/bastion/gitlab-runner.conf", "utf8");
    expect(unit).toContain(`\nEnvironment=PATH=${environment.PATH}\n`);
  });
});

describeWith(
  "The bastion's docker-machine",
  [requireThrowawayMachine, program("moto_server"), program("docker-machine")],
  () => {
    let emulator: Emulator;
    let proxy: FaultProxy;
    let machine: ThrowawayMachine;
    let place: { vpcId: string; subnetId: string; imageId: string };

    const ec2 = async (input: Record<string, string>) => emulator.query(region, "ec2", "2016-11-15", input);
    const valueIn = (xml: string, tag: string) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1] ?? "";

    /** What GitLab Runner calls, with options as they stand in `config.toml`. */
    const creation = (first: MachineChoice, fallbacks: MachineChoice[] = []) => [
      ...["docker-machine", "--bugsnag-api-token=no-report", "create", "--driver", "amazonec2"],
      ...renderMachineOptions({
        ...place,
        ...first,
        region,
        fallbacks,
        availabilityZone: `${region}a`,
        securityGroupName: "workers",
        instanceProfileName: "",
        rootVolumeSize: 20,
        privateAddressOnly: false,
        tags: {},
        userDataFile: "/etc/gitlab-runner/worker-user-data",
        engineInstallUrl: "file:///opt/fleet/install-docker.sh",
        extraOptions: [`amazonec2-endpoint=${proxy.url}`, `amazonec2-zone=${region}a`],
      }).map((option) => `--${option}`),
      name,
    ];
    const timed = async (command: string[]): Promise<CommandResult & { seconds: number }> => {
      const begin = Date.now();
      const result = await machine.run(command, environment);
      return { ...result, seconds: (Date.now() - begin) / 1000 };
    };
    /** Each RunInstances, as `t3.medium on demand` or `t3.medium spot 0.05`. */
    const asked = () =>
      proxy.texts
        .map((text) => new URLSearchParams(text))
        .filter((call) => call.get("Action") === "RunInstances")
        .map((call) => {
          const price = call.get("InstanceMarketOptions.SpotOptions.MaxPrice") ?? "";
          const market = call.get("InstanceMarketOptions.MarketType") ?? "on demand";
          return `${call.get("InstanceType") ?? ""} ${market} ${price}`.trim();
        });
    const refuse = (fault: Fault, ...types: string[]) => {
      proxy.answerAlways(
        types.map((type) => ({ action: "ec2 RunInstances", saying: `InstanceType=${type}`, fault })),
      );
    };
    const left = async () => ({
      keyPairs: valueIn(await ec2({ Action: "DescribeKeyPairs" }), "keyName"),
      instances: valueIn(await ec2({ Action: "DescribeInstances" }), "instanceId"),
      store: fs.readdirSync(machine.outside("/root/.docker/machine/machines")),
      files: fs.readdirSync(machine.outside("/run/fleet")),
    });
    const nothing = { keyPairs: "", instances: "", store: [] };

    /** Starts a command, and waits until it says a thing. Its id inside of the machine is in /run/wrapper. */
    const startUntil = async (command: string[], text: string): Promise<ChildProcess> => {
      const script = 'echo "$$" >/run/wrapper; exec "$@"';
      const started = machine.spawn(["bash", "-c", script, "bash", ...command], environment);
      let said = "";
      await new Promise<void>((resolve, reject) => {
        const hear = (data: Buffer) => {
          said += data.toString();
          if (said.includes(text)) resolve();
        };
        started.stdout?.on("data", hear);
        started.stderr?.on("data", hear);
        started.once("close", () => {
          reject(new Error(said));
        });
      });
      return started;
    };
    const killed = async (started: ChildProcess, signal: string) => {
      const closed = new Promise((resolve) => started.once("close", resolve));
      await machine.run(["bash", "-c", `kill -${signal} "$(</run/wrapper)"`]);
      await closed;
    };
    const running = async (pattern: string) =>
      (await machine.run(["pgrep", "--full", pattern])).stdout.split("\n").filter((id) => id !== "");

    /** Something that stands for docker-machine, and says what it was called with. */
    const replaceDockerMachine = (script: string) => {
      fs.rmSync(machine.outside("/usr/local/bin/docker-machine"));
      machine.write("/usr/local/bin/docker-machine", `#!/bin/bash\n${script}`, 0o755);
    };

    beforeAll(async () => {
      emulator = await Emulator.start();
      proxy = await FaultProxy.start(emulator.url);
    });

    afterAll(async () => {
      await proxy.stop();
      await emulator.stop();
    });

    beforeEach(async () => {
      await emulator.reset();
      proxy.heal();
      proxy.calls.length = 0;
      proxy.texts.length = 0;
      const vpc = await ec2({ Action: "CreateVpc", CidrBlock: "10.0.0.0/16" });
      const vpcId = valueIn(vpc, "vpcId");
      const AvailabilityZone = `${region}a`;
      const subnet = await ec2({
        Action: "CreateSubnet",
        VpcId: vpcId,
        CidrBlock: "10.0.0.0/24",
        AvailabilityZone,
      });
      await ec2({ Action: "CreateSecurityGroup", GroupName: "workers", GroupDescription: "-", VpcId: vpcId });
      const imageId = valueIn(await ec2({ Action: "DescribeImages" }), "imageId");
      place = { vpcId, subnetId: valueIn(subnet, "subnetId"), imageId };
      machine = await ThrowawayMachine.start();
      machine.writeFilesOf(examples.bastion);
      machine.write("/etc/gitlab-runner/worker-user-data", "#cloud-config\n{}\n");
      fs.rmSync(machine.outside("/usr/local/bin/docker-machine"), { force: true });
      fs.symlinkSync(requireProgram("docker-machine"), machine.outside("/usr/local/bin/docker-machine"));
      fs.mkdirSync(machine.outside("/root/.docker/machine/machines"), { recursive: true });
    });

    afterEach(async () => {
      await machine.stop();
    });

    it("asks for the fallbacks in their order, and makes the first machine that EC2 has", async () => {
      refuse(noCapacity, "t3.medium", "t3.large");
      const command = creation({ instanceType: "t3.medium", spot: { maxPrice: "0.02" } }, [
        { instanceType: "t3.medium" },
        { instanceType: "t3.large", spot: { maxPrice: "0.04" } },
        { instanceType: "m5.large", spot: {} },
        { instanceType: "m5.large" },
      ]);
      await killed(await startUntil(command, "Waiting for SSH to be available"), "KILL");

      expect([...new Set(asked())]).toEqual([
        "t3.medium spot 0.02",
        "t3.medium on demand",
        "t3.large spot 0.04",
        "m5.large spot",
      ]);
      const instances = await ec2({ Action: "DescribeInstances" });
      expect(instances.match(/<instanceType>[^<]*/g)).toEqual(["<instanceType>m5.large"]);
      expect((await left()).store).toEqual([name]);
    });

    it("has options that are as good for docker-machine itself, which makes the first choice", async () => {
      const [, ...args] = creation({ instanceType: "t3.medium", spot: {} }, [{ instanceType: "m5.large" }]);
      const command = ["/usr/local/bin/docker-machine", ...args];
      await killed(await startUntil(command, "Waiting for SSH to be available"), "KILL");
      expect(asked()).toEqual(["t3.medium spot"]);
    });

    it.each(refusals)("asks for the fallback after $code", async (fault) => {
      refuse(fault, "t3.medium");
      const command = creation({ instanceType: "t3.medium" }, [{ instanceType: "m5.large" }]);
      await killed(await startUntil(command, "Waiting for SSH to be available"), "KILL");
      expect(asked()).toEqual(["t3.medium on demand", "m5.large on demand"]);
    });

    it("waits before it reports that EC2 has no machine at all, longer each time, and leaves nothing", async () => {
      refuse(noCapacity, "t3.medium", "m5.large");
      const command = creation({ instanceType: "t3.medium", spot: {} }, [{ instanceType: "m5.large" }]);

      const first = await timed(command);
      const second = await timed(command);
      expect([first.status, second.status]).toEqual([1, 1]);
      expect(first.stderr).toMatch(
        /^(Error creating machine: .*: InsufficientInstanceCapacity: .*\n\tstatus code: 500, .*\n){2}docker-machine: waiting for 5 s after failure 1 in a row\n$/,
      );
      expect(second.stderr).toMatch(/\ndocker-machine: waiting for 10 s after failure 2 in a row\n$/);
      // Two creations, each with two seconds that docker-machine itself waits, and the rest of this machine's load.
      expect(first.seconds).toBeGreaterThan(9);
      expect(second.seconds).toBeGreaterThan(14);

      const sixTimes = (choice: string) => Array.from({ length: 6 }, () => choice);
      const once = [...sixTimes("t3.medium spot"), ...sixTimes("m5.large on demand")];
      expect(asked()).toEqual([...once, ...once]);
      expect(await left()).toEqual({ ...nothing, files: ["creation-failures"] });
    });

    it.each([
      { before: 2, seconds: 20 },
      { before: 3, seconds: 40 },
      { before: 4, seconds: 60 },
      { before: 400, seconds: 60 },
    ])("waits for $seconds s after $before failures in a row", async ({ before, seconds }) => {
      refuse(refusals[0] ?? noCapacity, "t3.medium");
      machine.write(failures, ".".repeat(before));
      const said = `waiting for ${seconds} s after failure ${before + 1} in a row`;
      await killed(await startUntil(creation({ instanceType: "t3.medium" }), said), "TERM");
      expect(await left()).toEqual({ ...nothing, files: ["creation-failures"] });
    });

    it("forgets failures that are long ago, and all when a machine was made", async () => {
      refuse(refusals[0] ?? noCapacity, "t3.medium");
      const command = creation({ instanceType: "t3.medium" });
      machine.write(failures, "....");
      const longAgo = Date.now() / 1000 - 660;
      fs.utimesSync(machine.outside(failures), longAgo, longAgo);
      await killed(await startUntil(command, "waiting for 5 s after failure 1 in a row"), "TERM");

      replaceDockerMachine("exit 0");
      expect(await machine.run(command, environment)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(machine.exists(failures)).toBe(false);
    });

    it("asks for no other machine when there were too many calls, and waits", async () => {
      proxy.answerAlways([
        {
          action: "ec2 DescribeSubnets",
          fault: { status: 503, code: "RequestLimitExceeded", message: "Request limit exceeded." },
        },
      ]);
      const result = await timed(creation({ instanceType: "t3.medium" }, [{ instanceType: "m5.large" }]));
      expect(result.stderr).toMatch(
        /: RequestLimitExceeded: .*\n.*\ndocker-machine: waiting for 5 s after failure 1 in a row\n$/,
      );
      expect(result.status).toBe(1);
      expect(new Set(proxy.calls)).toEqual(new Set(["ec2 DescribeSubnets"]));
    });

    it.each([
      { status: 403, code: "UnauthorizedOperation", message: "You are not authorized: VcpuLimitExceeded." },
      { status: 400, code: "InvalidParameterValue", message: "InsufficientInstanceCapacity" },
      { status: 400, code: "VcpuLimitExceededByFar", message: "Not one of those." },
      { status: 400, code: "UnsupportedOperation", message: "Unsupported: not with this image." },
    ])("reports $code at once, without asking for anything else", async (fault) => {
      refuse(fault, "t3.medium");
      const result = await timed(creation({ instanceType: "t3.medium" }, [{ instanceType: "m5.large" }]));
      expect(result.status).toBe(1);
      expect(result.stderr).toMatch(new RegExp(`^Error creating machine: .*: ${fault.code}: .*\\n.*\\n$`));
      expect(asked()).toEqual(["t3.medium on demand"]);
      // gitlab-runner removes it, as ever.
      expect(await left()).toEqual({ ...nothing, store: [name], files: [] });
    });

    it("keeps what is known of a machine whose key pair cannot be removed", async () => {
      proxy.answerAlways([
        { action: "ec2 RunInstances", fault: refusals[0] ?? noCapacity },
        {
          action: "ec2 DeleteKeyPair",
          fault: { status: 400, code: "UnauthorizedOperation", message: "No." },
        },
      ]);
      const command = creation({ instanceType: "t3.medium" }, [{ instanceType: "m5.large" }]);
      expect((await timed(command)).status).toBe(1);
      expect(asked()).toEqual(["t3.medium on demand"]);
      expect(await left()).toEqual({ keyPairs: name, instances: "", store: [name], files: [] });
    });

    it.each(["KILL", "TERM"])("takes docker-machine with it when it gets SIG%s", async (signal) => {
      const started = await startUntil(creation({ instanceType: "t3.medium" }), "Waiting for SSH");
      expect(await running("create --driver amazonec2")).toHaveLength(2);

      await killed(started, signal);
      expect(await running("create --driver amazonec2")).toEqual([]);
    });

    it("leaves every other command to docker-machine, with its output and its exit code", async () => {
      const withoutFallbacks = { ...environment, PATH: environment.PATH.replace("/opt/fleet/bin:", "") };
      for (const args of [
        ["create", "--driver", "none", "--url", "tcp://localhost:2376", "first-use"],
        ["--bugsnag-api-token=no-report", "inspect", "missing"],
        ["--bugsnag-api-token=no-report", "rm", "-y", "missing"],
        ["--version"],
      ]) {
        const result = await machine.run(["docker-machine", ...args], environment);
        fs.rmSync(machine.outside("/root/.docker"), { recursive: true, force: true });
        expect(result).toEqual(await machine.run(["docker-machine", ...args], withoutFallbacks));
        fs.rmSync(machine.outside("/root/.docker"), { recursive: true, force: true });
      }
    });

    it("passes arguments, output and exit code of a creation on as they are", async () => {
      replaceDockerMachine('printf "%s\\n" "$@"\necho "and an error" >&2\nexit 7\n');
      const args = ["create", "--driver", "amazonec2", "--amazonec2-tags=a b,*", "--engine-env=", name];
      expect(await machine.run(["docker-machine", ...args], environment)).toEqual({
        status: 7,
        stdout: args.map((argument) => `${argument}\n`).join(""),
        stderr: "and an error\n",
      });
    });
  },
);
