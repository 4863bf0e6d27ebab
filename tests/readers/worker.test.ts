import * as fs from "fs";
import { parse } from "yaml";
import { docker } from "../../components/versions";
import { startPackageRepository, type Package, type PackageRepository } from "../tools/package-repository";
import { describeWith, program, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { examples } from "./examples";
import { appendVariables, useRepository } from "./machine-parts";

jest.setTimeout(120_000);

const requirements = [requireThrowawayMachine, ...["apt-ftparchive", "gpg", "sudo"].map(program)];

describeWith("A worker", [requireThrowawayMachine], () => {
  let machine: ThrowawayMachine;

  beforeAll(async () => {
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.worker);
  });

  afterAll(async () => {
    await machine.stop();
  });

  it("upgrades nothing by itself, waits for its turn to install, and downloads no descriptions", async () => {
    // Of images of containers.
    fs.rmSync(machine.outside("/etc/apt/apt.conf.d/docker-no-languages"), { force: true });

    const dump = ["apt-config", "dump", "--no-empty", "--format", "%v%n"];
    const keys = ["APT::Periodic::Enable", "DPkg::Lock::Timeout", "Acquire::Languages"];
    expect((await machine.run([...dump, ...keys])).stdout).toBe("0\n300\nnone\n");
  });

  it("runs no scripts at each login", async () => {
    machine.write("/etc/update-motd.d/50-landscape-sysinfo", "#!/bin/sh\n", 0o755);
    const scripts = ["run-parts", "--test", "--lsbsysinit", "/etc/update-motd.d"];
    expect((await machine.run(scripts)).stdout).toContain("landscape");

    const { bootcmd } = parse(examples.worker) as { bootcmd: string[][] };
    for (const command of bootcmd) expect((await machine.run(command)).status).toBe(0);

    expect((await machine.run(scripts)).stdout).toBe("");
  });
});

describeWith("The workers' install-docker.sh", requirements, () => {
  let repository: PackageRepository;
  let machine: ThrowawayMachine;

  /** Just as docker-machine does, and as the user that it logs in as. */
  const install = async (): Promise<CommandResult> =>
    machine.run([
      "runuser",
      "--user",
      "ubuntu",
      "--",
      "sh",
      "-c",
      "curl -sSL file:///opt/fleet/install-docker.sh | sh -",
    ]);

  beforeAll(async () => {
    const pinned = docker.packages.map((item): Package => {
      const [name = "", version = ""] = item.split("=");
      return { name, version };
    });
    const newer = pinned.map(({ name }) => ({ name, version: "9:99.0.0-1" }));
    repository = await startPackageRepository([...pinned, ...newer, { name: "pigz", version: "2.8-1" }]);
  });

  afterAll(async () => {
    await repository.stop();
  });

  beforeEach(async () => {
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.worker);
    useRepository(machine, "/etc/fleet/worker.env", "DOCKER", repository, {});
    // As in Ubuntu's images.
    await machine.run(["useradd", "--create-home", "ubuntu"]);
    machine.write("/etc/sudoers.d/ubuntu", "ubuntu ALL=(ALL) NOPASSWD:ALL\n", 0o440);
    repository.requests.length = 0;
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("installs and holds the pinned packages, though the package repository fails at first", async () => {
    repository.failNext(3);

    const result = await install();
    expect(result).toMatchObject({ status: 0 });
    expect(result.stderr).toContain("fleet: again in 4 s: curl");
    const names = docker.packages.map((item) => item.split("=")[0] ?? "");
    const installed = await machine.run([
      "dpkg-query",
      "--show",
      "--showformat",
      "${Package}=${Version}\n",
      ...names,
    ]);
    expect(installed.stdout.trim().split("\n").sort()).toEqual([...docker.packages].sort());
    expect((await machine.run(["apt-mark", "showhold"])).stdout).toBe(`${[...names].sort().join("\n")}\n`);
  });

  it("does nothing when they are there", async () => {
    await install();
    repository.requests.length = 0;

    expect(await install()).toEqual({ status: 0, stdout: "fleet: Docker\n", stderr: "" });
    expect(repository.requests).toEqual([]);
  });

  it("trusts only the key with the known fingerprint", async () => {
    appendVariables(machine, "/etc/fleet/worker.env", { DOCKER_KEY_FINGERPRINT: "F".repeat(40) });

    const result = await install();
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/ does not hold the key F{40}\nfleet: FAILED with status 1: Docker\n$/);
    expect(fs.readdirSync(machine.outside("/etc/apt/sources.list.d"))).toEqual([]);
  });

  it("refuses packages that another key has signed", async () => {
    await install();
    // Somebody else's repository at the same address.
    const other = await startPackageRepository([{ name: "docker-ce", version: "5:30.0.0-1" }]);
    const sources = "/etc/apt/sources.list.d/docker.sources";
    machine.write(sources, machine.read(sources).replace(repository.url, other.url));

    const result = await machine.run(["apt-get", "update", "--error-on=any"]);
    await other.stop();
    expect(result.status).toBe(100);
    expect(result.stderr).toContain("NO_PUBKEY");
  });
});
