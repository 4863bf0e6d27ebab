import * as fs from "fs";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import { examples } from "./examples";
import { ageLostMachines } from "./machine-parts";

jest.setTimeout(240_000);

const store = "/root/.docker/machine/machines";
const config = "/etc/gitlab-runner/config.toml";
const own = (name: string) => `runner-current12-0a1b2c3d-worker-${name}`;
const former = (name: string) => `runner-former12x-0a1b2c3d-worker-${name}`;

const configToml = (token: string) => `concurrent = 1
listen_address = "127.0.0.1:9252"

[[runners]]
name = "default"
url = "http://127.0.0.1:1"
token = "glrt-t1_${token}.planted"
executor = "docker+machine"
limit = 1
[runners.docker]
image = "alpine:3"
[runners.machine]
MachineDriver = "none"
MachineName = "0a1b2c3d-worker-%s"
`;

const requirements = [
  requireThrowawayMachine,
  ...["gitlab-runner", "docker-machine", "jq", "ss", "pgrep"].map(program),
];

describeWith("tidy.sh", requirements, () => {
  let machine: ThrowawayMachine;

  const must = async (...command: string[]) => {
    const { status, stdout, stderr } = await machine.run(command, { HOME: "/root" });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  /** What it says of the machines that it removes. */
  const tidy = async () => {
    const said = await must("/opt/fleet/tidy.sh");
    return said.split("\n").filter((line) => line.startsWith("fleet-tidy: "));
  };
  const machines = () => fs.readdirSync(machine.outside(store)).sort();
  const grow = (seconds: number) => ageLostMachines(machine, seconds);
  /** Machines as the real docker-machine makes them. */
  const make = async (...names: string[]) => {
    for (const name of names) {
      await must("docker-machine", "create", "--driver", "none", "--url", "tcp://127.0.0.1:2376", name);
    }
  };
  const metricsSay = async (what: RegExp) => {
    for (let i = 0; i < 300; i++) {
      if (what.test((await machine.run(["curl", "--silent", "http://127.0.0.1:9252/metrics"])).stdout))
        return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`GitLab Runner does not say ${String(what)}`);
  };
  const startRunner = async (token = "Current12x") => {
    machine.write(config, configToml(token));
    machine.spawn(["gitlab-runner", "run", "--config", config, "--working-directory", "/root"], {
      HOME: "/root",
      // The runner has a store of its own: what it does with its machines is not what this is about.
      MACHINE_STORAGE_PATH: "/root/other",
    });
    await metricsSay(/^gitlab_runner_limit/m);
  };

  beforeEach(async () => {
    machine = await ThrowawayMachine.start("own");
    machine.writeFilesOf(examples.bastion);
    for (const name of ["gitlab-runner", "docker-machine"]) {
      fs.symlinkSync(requireProgram(name), machine.outside(`/usr/local/sbin/${name}`));
    }
    machine.write("/usr/local/sbin/systemctl", "#!/bin/bash\ncat /run/unit-state\n", 0o755);
    machine.write("/run/unit-state", "active\n");
    fs.mkdirSync(machine.outside(store), { recursive: true });
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("removes a machine of a token that was rotated, when it has had no job for ten minutes", async () => {
    await startRunner("Former12x");
    await make(former("1"));
    expect(await tidy()).toEqual([]);
    await grow(700);
    expect(await tidy()).toEqual([]);

    machine.write(config, configToml("Current12x"));
    await metricsSay(/^gitlab_runner_limit\{runner="Current12"/m);
    await make(own("1"));
    expect(await tidy()).toEqual([]);
    await grow(500);
    expect(await tidy()).toEqual([]);
    await grow(700);
    expect(await tidy()).toEqual([`fleet-tidy: removes ${former("1")}: no runner is called like it`]);
    expect(machines()).toEqual([own("1")]);
  });

  it("leaves a machine alone while a job runs on it", async () => {
    await startRunner();
    await make(former("1"));
    const connect = `
import socket, time
listener = socket.create_server(("127.0.0.1", 2376))
connection = socket.create_connection(("127.0.0.1", 2376))
print("connected", flush=True)
time.sleep(3600)
`;
    const job = machine.spawn(["python3", "-c", connect]);
    await new Promise((resolve) => job.stdout?.once("data", resolve));
    expect(await tidy()).toEqual([]);
    await grow(700);
    expect(await tidy()).toEqual([]);

    await must("pkill", "-f", "time.sleep");
    expect(await tidy()).toEqual([]);
    await grow(700);
    expect(await tidy()).toHaveLength(1);
    expect(machines()).toEqual([]);
  });

  it("removes what a creation that was killed has left, but not while docker-machine works on it", async () => {
    await startRunner();
    fs.mkdirSync(machine.outside(`${store}/${own("1")}`));
    machine.write(`${store}/${own("2")}/config.json`, "{");
    await make(own("3"), own("4"));
    // As docker-machine writes it before it asks EC2 for an instance.
    const file = `${store}/${own("3")}/config.json`;
    const made = JSON.parse(machine.read(file)) as { Driver: object };
    const Driver = { MachineName: own("3"), Region: "eu-west-1", InstanceId: "", KeyName: "" };
    machine.write(file, JSON.stringify({ ...made, DriverName: "amazonec2", Driver }));
    machine.write("/opt/sleep", "#!/bin/bash\nsleep 3600\n", 0o755);
    machine.spawn(["bash", "-c", 'exec -a docker-machine bash /opt/sleep create "$0"', own("1")]);

    await tidy();
    await grow(700);
    expect(await tidy()).toEqual([
      `fleet-tidy: removes ${own("2")}: its creation was killed`,
      `fleet-tidy: removes ${own("3")}: its creation was killed`,
    ]);
    expect(machines()).toEqual([own("1"), own("4")]);

    await must("pkill", "-f", "/opt/sleep");
    await tidy();
    await grow(700);
    expect(await tidy()).toEqual([`fleet-tidy: removes ${own("1")}: its creation was killed`]);
    expect(machines()).toEqual([own("4")]);
  });

  it("removes a machine that EC2 has terminated, and asks docker-machine seldom", async () => {
    await startRunner();
    await make(own("1"), own("2"));
    machine.write(
      "/opt/fleet/bin/docker-machine",
      `#!/bin/bash
[[ "$1" != status ]] || { echo "$2" >>/run/asked; [[ "$2" == ${own("1")} ]] && echo Error || exit 1; exit; }
exec ${requireProgram("docker-machine")} "$@"
`,
      0o755,
    );
    await must(
      "ln",
      "--symbolic",
      "--force",
      "/opt/fleet/bin/docker-machine",
      "/usr/local/sbin/docker-machine",
    );
    for (let i = 0; i < 3; i++) await tidy();
    expect(machine.read("/run/asked").split("\n").sort()).toEqual([
      "",
      own("1"),
      own("1"),
      own("1"),
      own("2"),
    ]);

    await grow(700);
    expect(await tidy()).toEqual([`fleet-tidy: removes ${own("1")}: EC2 has terminated it`]);
    expect(machines()).toEqual([own("2")]);
  });

  it("removes three at a time", async () => {
    await startRunner();
    await make(...["1", "2", "3", "4"].map(former));
    await tidy();
    await grow(700);
    expect(await tidy()).toHaveLength(3);
    expect(await tidy()).toHaveLength(1);
    expect(machines()).toEqual([]);
  });

  it("removes nothing while the runner does not say whose machines are its own", async () => {
    await make(former("1"));
    for (let i = 0; i < 2; i++) {
      expect(await tidy()).toEqual(["fleet-tidy: the runner does not say whose machines are its own"]);
      await grow(700);
    }
    expect(machines()).toEqual([former("1")]);
  });

  it("removes everything that is left when the bastion is drained, but not while the runner still works", async () => {
    await make(own("1"));
    machine.write("/run/fleet/draining", "");
    machine.write("/run/unit-state", "deactivating\n");
    await tidy();
    await grow(700);
    await tidy();
    expect(machines()).toEqual([own("1")]);

    machine.write("/run/unit-state", "inactive\n");
    await tidy();
    await grow(700);
    await tidy();
    expect(machines()).toEqual([]);
  });
});
