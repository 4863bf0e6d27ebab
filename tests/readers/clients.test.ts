import * as fs from "fs";
import { engineOptions } from "../../components/client-files";
import { mirrorsOf } from "../../components/registry-addresses";
import { engineEnvironment, requireEngine, startEngine } from "../tools/engine";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { pull as warm } from "../tools/registry-client";
import type { RegistryMachine } from "../tools/registry-machine";
import { startService } from "../tools/service";
import type { ThrowawayMachine } from "../tools/throwaway-machine";
import { mountIntoJob, publishPrograms, startWorker } from "./image-registries";

jest.setTimeout(60_000);

/** Of a user that this machine does not have. */
const user = "4000";

const programs = [
  "buildx",
  "registry",
  "buildkitd",
  "buildctl",
  "buildah",
  "skopeo",
  "rootlesskit",
  "dnsmasq",
  "busybox",
];

describeWith(
  "A worker's registry mirror",
  [requireThrowawayMachine, requireEngine, ...programs.map(program)],
  () => {
    let registries: RegistryMachine;
    let machine: ThrowawayMachine;
    let runs = 0;

    /** Builds `FROM busybox` with a BuildKit that is started for it. */
    const buildWith = async (...launcher: string[]) => {
      const root = `/run/buildkit-${++runs}`;
      const environment = { ...engineEnvironment(), HOME: "/home/user", USER: "user", XDG_RUNTIME_DIR: root };
      const own = `install --directory ${root} && mount -t tmpfs -o uid=${user} tmpfs ${root}`;
      await registries.must("bash", "-c", own);
      const daemon = ["buildkitd", "--root", `${root}/data`, "--addr", `unix://${root}/socket`];
      const buildctl = ["buildctl", "--addr", `unix://${root}/socket`];
      const service = await startService(
        machine,
        [...launcher, ...daemon, "--oci-worker-snapshotter", "native"],
        `${buildctl.join(" ")} debug workers`,
        environment,
      );
      const folders = ["--local", "context=/builds", "--local", "dockerfile=/builds"];
      const output = ["--output", `type=oci,dest=${root}/image.tar`];
      const result = await machine.run(
        [...buildctl, "build", "--frontend", "dockerfile.v0", ...folders, ...output],
        environment,
      );
      await service.stop();
      return result;
    };

    const pullWithEngine = async (...flags: string[]) => {
      const engine = await startEngine(machine, `/run/engine-${++runs}`, flags);
      const result = await engine.docker("pull", "busybox");
      await engine.stop();
      return result;
    };

    const asFlag = (option: string) => option.replace("engine-", "--");

    /** How each client gets the image `busybox`, knowing nothing but the worker's files. */
    const clients = {
      "the host's engine": () => {
        // Which docker-machine puts on its command line.
        machine.write("/etc/host-daemon.json", "{}");
        const options = engineOptions({ host: "registry-mirror.test", mirrors: mirrorsOf([]) });
        return pullWithEngine("--config-file", "/etc/host-daemon.json", ...options.map(asFlag));
      },
      "docker:dind": () => pullWithEngine(),
      "a builder that buildx makes": async () => {
        const engine = await startEngine(machine, `/run/engine-${++runs}`);
        await registries.must("bash", "-c", "rm --recursive --force /root/.docker/{contexts,buildx/[!b]*}");
        await engine.docker("buildx", "create", "--driver", "docker-container", "--name", "builder");
        const result = await engine.docker("buildx", "build", "--builder", "builder", "/builds");
        const read = ["exec", "buildx_buildkit_builder0", "cat", "/etc/buildkit/buildkitd.toml"];
        expect((await engine.docker(...read)).stdout).toContain("mirrors = ['registry-mirror.test:6000']");
        await engine.stop();
        return result;
      },
      BuildKit: () => buildWith(),
      "BuildKit without root": () =>
        buildWith("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "rootlesskit"),
      Buildah: () => {
        const root = `/run/buildah-${++runs}`;
        const storage = ["--root", root, "--runroot", `${root}-run`, "--storage-driver", "vfs"];
        return machine.run(["buildah", ...storage, "pull", "--quiet", "docker.io/library/busybox"]);
      },
      Skopeo: () =>
        machine.run(["skopeo", "copy", "docker://docker.io/library/busybox", `dir:/run/skopeo-${++runs}`]),
    };

    beforeAll(async () => {
      registries = await startWorker();
      machine = registries.machine;
      await publishPrograms(registries, "library/busybox", "latest", {
        programs: [requireProgram("busybox")],
        links: ["sh", "cat"],
      });
      await publishPrograms(registries, "moby/buildkit", "buildx-stable-1", {
        programs: ["busybox", "buildkitd", "buildctl", "runc"].map(requireProgram),
        links: ["sh", "cat"],
        files: ["/etc/ssl/certs/ca-certificates.crt"],
        configuration: { Entrypoint: ["buildkitd"] },
      });
      await mountIntoJob(registries);
      machine.write("/builds/Dockerfile", "FROM busybox\nCOPY Dockerfile /\n");
      fs.appendFileSync(machine.outside("/etc/passwd"), `user:x:${user}:${user}::/home/user:/bin/sh\n`);
      for (const file of ["subuid", "subgid"]) machine.write(`/etc/${file}`, "user:100000:65536\n");
      const plugin = "/root/.docker/cli-plugins/docker-buildx";
      const commands = `mkdir --parents /root/.docker/cli-plugins
      chown ${user} /home/user /home/user/.config /home/user/.config/buildkit
        install ${["buildkitd", "buildctl"].map(requireProgram).join(" ")} /usr/local/bin
      ln --symbolic ${requireProgram("buildx")} ${plugin}`;
      await registries.must("bash", "-c", commands);
    });

    afterAll(async () => {
      await registries.stop();
    });

    /** Who has asked Docker Hub since the last time, besides the mirror. */
    const askedDirectly = () =>
      registries.upstreamClients().filter((client) => client !== "Go-http-client/1.1");

    it.each(Object.entries(clients))("serves %s, which does not ask Docker Hub", async (_, getImage) => {
      await warm(registries, "registry-mirror.test:6000", "library/busybox", "latest");
      askedDirectly();

      expect(await getImage()).toMatchObject({ status: 0 });
      expect(askedDirectly()).toEqual([]);
    });

    describe("when it is down", () => {
      beforeAll(async () => {
        await registries.units.stop("registry-front");
      });

      it.each(Object.entries(clients))("leaves %s to Docker Hub", async (_, getImage) => {
        askedDirectly();

        expect(await getImage()).toMatchObject({ status: 0 });
        expect(askedDirectly()).not.toEqual([]);
      });
    });
  },
);
