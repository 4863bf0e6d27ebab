import { execFileSync } from "child_process";
import * as fs from "fs";
import { Emulator } from "../tools/emulator";
import type { HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { startPackageRepository, type PackageRepository } from "../tools/package-repository";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { replaceSystemctl, systemctlCalls } from "../tools/systemctl";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { examples } from "./examples";
import { anyCredentials, appendVariables, publish, useRepository } from "./machine-parts";

jest.setTimeout(120_000);

const swapon = `#!/bin/bash
case "$1" in
  /*) echo "$1" >>/run/swaps ;;
  *) cat /run/swaps 2>/dev/null || true ;;
esac
`;

const configToml = `concurrent = 1
[[runners]]
name = "default"
url = "https://gitlab.example.com/"
token = "@@runner-token/default@@"
executor = "docker+machine"
[runners.docker]
image = "alpine:3"
[runners.machine]
MachineDriver = "amazonec2"
MachineName = "worker-%s"
`;

const requirements = [
  requireThrowawayMachine,
  ...["moto_server", "gitlab-runner", "docker-machine", "apt-ftparchive", "gpg", "mkswap"].map(program),
];

describeWith("The bastion's boot.sh", requirements, () => {
  let emulator: Emulator;
  let metadata: HttpServer;
  let repository: PackageRepository;
  let machine: ThrowawayMachine;

  const boot = async (): Promise<CommandResult> =>
    machine.run(["/opt/fleet/boot.sh"], {
      AWS_ENDPOINT_URL_SSM: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    });

  beforeAll(async () => {
    emulator = await Emulator.start();
    metadata = await startInstanceMetadata("bastion", anyCredentials);
    const path = "/gitlab-runner-fleet/test/bastion";
    await publish(emulator, `${path}/config.toml`, configToml);
    await publish(emulator, `${path}/worker-user-data`, "#cloud-config\n");
    await publish(emulator, `${path}/runner-token/default`, "glrt-token", "SecureString");
    const runner = `#!/bin/sh\nexec ${requireProgram("gitlab-runner")} "$@"\n`;
    repository = await startPackageRepository(
      [
        { name: "gitlab-runner", version: "19.3.0-1", files: { "usr/bin/gitlab-runner": runner } },
        { name: "gitlab-runner", version: "19.9.0-1", files: { "usr/bin/gitlab-runner": runner } },
        { name: "gitlab-runner-helper-images", version: "19.3.0-1" },
        { name: "gitlab-runner-helper-images", version: "19.9.0-1" },
      ],
      { "docker-machine": requireProgram("docker-machine") },
    );
  });

  afterAll(async () => {
    await repository.stop();
    await metadata.stop();
    await emulator.stop();
  });

  beforeEach(async () => {
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.bastion);
    replaceSystemctl(machine);
    machine.write("/var/lib/cloud/data/instance-id", "i-0123456789abcdef0\n");
    machine.write("/usr/local/sbin/swapon", swapon, 0o755);
    const version = execFileSync(requireProgram("docker-machine"), ["--version"], { encoding: "utf8" });
    useRepository(machine, "/etc/fleet/bastion.env", "GITLAB_RUNNER", repository, {
      DOCKER_MACHINE_URL: `${repository.url}/docker-machine`,
      DOCKER_MACHINE_VERSION: /version ([^,]+),/.exec(version)?.[1] ?? "",
    });
    repository.requests.length = 0;
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("makes a bastion, though the package repository fails at first; a second run changes nothing", async () => {
    repository.failNext(2);

    const first = await boot();
    expect(first).toMatchObject({ status: 0 });
    expect(first.stdout).toMatch(/\nfleet-sync: new config.toml\nfleet: services\nfleet: done\n$/);
    expect(first.stderr).toContain("fleet: again in 2 s: curl");
    const installed = await machine.run([
      "dpkg-query",
      "--show",
      "gitlab-runner",
      "gitlab-runner-helper-images",
    ]);
    expect(installed.stdout).toBe("gitlab-runner\t19.3.0-1\ngitlab-runner-helper-images\t19.3.0-1\n");
    expect((await machine.run(["apt-mark", "showhold"])).stdout).toBe(
      "gitlab-runner\ngitlab-runner-helper-images\n",
    );
    const keyring = ["gpg", "--show-keys", "--with-colons", "/etc/apt/keyrings/gitlab-runner.gpg"];
    expect((await machine.run(keyring)).stdout.match(/^fpr:.*$/gm)).toEqual([
      `fpr:::::::::${repository.keyFingerprint}:`,
    ]);
    expect(fs.readdirSync(machine.outside("/root/.docker/machine/certs")).sort()).toEqual([
      "ca-key.pem",
      "ca.pem",
      "cert.pem",
      "key.pem",
    ]);
    expect(fs.readdirSync(machine.outside("/root/.docker/machine/machines"))).toEqual([]);
    expect(machine.read("/etc/gitlab-runner/config.toml")).toContain('token = "glrt-token"');
    const swap = fs.statSync(machine.outside("/swapfile"));
    expect([swap.size, swap.mode & 0o777]).toEqual([2 ** 30, 0o600]);
    expect(machine.read("/etc/fstab")).toMatch(/^\/swapfile none swap sw 0 0$/m);
    expect(machine.read("/run/swaps")).toBe("/swapfile\n");
    expect(systemctlCalls(machine)).toEqual([
      "enable --now fleet-journal.timer fleet-report.timer",
      "enable --now fleet-sync.timer fleet-tidy.timer",
      "enable gitlab-runner.service",
      "start --no-block gitlab-runner.service",
    ]);

    const certificate = machine.read("/root/.docker/machine/certs/cert.pem");
    const fstab = machine.read("/etc/fstab");
    repository.requests.length = 0;
    const second = await boot();
    expect(second).toMatchObject({ status: 0, stderr: "" });
    expect(repository.requests).toEqual([]);
    expect(machine.read("/root/.docker/machine/certs/cert.pem")).toBe(certificate);
    expect(fs.statSync(machine.outside("/swapfile")).ino).toBe(swap.ino);
    expect(machine.read("/etc/fstab")).toBe(fstab);
    expect(machine.read("/run/swaps")).toBe("/swapfile\n");
  });

  it("trusts only the key with the known fingerprint", async () => {
    appendVariables(machine, "/etc/fleet/bastion.env", { GITLAB_RUNNER_KEY_FINGERPRINT: "F".repeat(40) });

    const result = await boot();
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`fleet: ${repository.keyUrl} does not hold the key ${"F".repeat(40)}\n`);
    expect(result.stderr).toMatch(/\nfleet: FAILED with status 1: gitlab-runner\n$/);
    expect(machine.exists("/etc/apt/sources.list.d/gitlab-runner.sources")).toBe(false);
  });

  it("refuses a docker-machine that is not the one that is pinned", async () => {
    appendVariables(machine, "/etc/fleet/bastion.env", { DOCKER_MACHINE_VERSION: "0.16.2-gitlab.3" });

    const result = await boot();
    expect(result.stderr).toContain(
      `fleet: ${repository.url}/docker-machine is not docker-machine 0.16.2-gitlab.3\n`,
    );
    expect(result.stderr).toMatch(/\nfleet: FAILED with status 1: docker-machine\n$/);
    expect(machine.exists("/usr/local/bin/docker-machine")).toBe(false);
    expect(machine.exists("/etc/gitlab-runner/config.toml")).toBe(false);
  });

  it("refuses a file with another checksum", async () => {
    appendVariables(machine, "/etc/fleet/bastion.env", { DOCKER_MACHINE_SHA256: "0".repeat(64) });

    const result = await boot();
    expect(result.stderr).toContain(
      `fleet: ${repository.url}/docker-machine does not have the checksum ${"0".repeat(64)}\n`,
    );
    expect(machine.exists("/usr/local/bin/docker-machine")).toBe(false);
  });
});
