import { spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";
import { docker } from "../../components/versions";
import { engineEnvironment, requireEngine, startEngine, type Engine } from "../tools/engine";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { startFragileProxy } from "../tools/fragile-proxy";
import type { Service } from "../tools/service";
import type { RegistryMachine } from "../tools/registry-machine";
import type { ThrowawayMachine } from "../tools/throwaway-machine";
import { mountIntoJob, publishPrograms, serveGitLab, startWorker } from "./image-registries";

jest.setTimeout(120_000);

const template = parse(
  fs.readFileSync(path.join(__dirname, "..", "..", "templates", "docker-build.gitlab-ci.yml"), "utf8"),
) as {
  ".docker-build": {
    image: string;
    services: { name: string }[];
    variables: Record<string, string>;
    script: string[];
  };
};
const { image: client, services, variables, script } = template[".docker-build"];

const image = "registry.gitlab.test/group/project";
const first = "RUN head -c 900000 /dev/urandom >/large";
const steps = [first, "RUN echo two >/two", "COPY file /file", "RUN cat /file /two >/three"];
const dockerfile = ["FROM busybox", ...steps, ""].join("\n");

const programs = ["buildx", "registry", "buildkitd", "buildctl", "skopeo", "dnsmasq", "openssl", "busybox"];

it("The job template uses the version of Docker that workers have", () => {
  expect(client).toBe(`docker:${docker.version}-cli`);
  expect(services.map(({ name }) => name)).toEqual([`docker:${docker.version}-dind`]);
});

describeWith("shellcheck", [program("shellcheck")], () => {
  it("accepts the job template", () => {
    const input = ["#!/bin/sh", ...script, ""].join("\n");
    const result = spawnSync("shellcheck", ["--severity=style", "-"], { input, encoding: "utf8" });
    expect(result).toMatchObject({ status: 0, stdout: "" });
  });
});

describeWith(
  "A job that builds an image",
  [requireThrowawayMachine, requireEngine, ...programs.map(program)],
  () => {
    let registries: RegistryMachine;
    let machine: ThrowawayMachine;
    let engine: Engine | undefined;
    let engines = 0;

    /** The engine of a docker:dind service, which has never built anything. */
    const freshEngine = async () => {
      await engine?.stop();
      const certificates = "/etc/test-certificates";
      const tls = ["--tlsverify", "--tlscacert", `${certificates}/ca.pem`];
      const pair = ["--tlscert", `${certificates}/cert.pem`, "--tlskey", `${certificates}/key.pem`];
      engine = await startEngine(machine, `/run/engine-${++engines}`, [
        "--host",
        "tcp://10.77.0.4:2376",
        ...tls,
        ...pair,
      ]);
    };

    /** Runs the template's lines as a job of a project's branch. */
    const job = async (branch: string, more: Record<string, string> = {}) => {
      const predefined: Record<string, string> = {
        CI_PROJECT_PATH: "Group/Project",
        CI_JOB_NAME_SLUG: "build",
        CI_COMMIT_REF_SLUG: branch,
        CI_DEFAULT_BRANCH: "main",
        CI_REGISTRY: "registry.gitlab.test",
        CI_REGISTRY_IMAGE: "registry.gitlab.test/group/project",
        CI_REGISTRY_USER: "gitlab-ci-token",
        CI_REGISTRY_PASSWORD: "token",
      };
      const given: Record<string, string> = { ...predefined, ...variables, ...more };
      const expanded = Object.entries(given).map(([name, value]): [string, string] => [
        name,
        value.replaceAll(/\$(\w+)/g, (_, other: string) => given[other] ?? ""),
      ]);
      const { PATH, ...environment } = engineEnvironment();
      await machine.run([
        "bash",
        "-c",
        "rm --recursive --force /root/.docker/{config.json,contexts,buildx/[!b]*}",
      ]);
      const result = await machine.run(
        ["sh", "-c", `cd /builds && set -e && set -o pipefail\n${script.join("\n")}`],
        {
          ...environment,
          // The image's shell and commands are those of busybox.
          PATH: `/opt/busybox:${PATH}`,
          FLEET_LAYER_CACHE: "registry-mirror.test:5000",
          ...Object.fromEntries(expanded),
          DOCKER_CERT_PATH: "/etc/test-certificates",
        },
      );
      const log = result.stdout + result.stderr;
      // A step's layers are either left where they are or fetched, when it is not run.
      const numberOf = (step: string) =>
        /^#\d+/m.exec(log.split("\n").find((line) => line.endsWith(`] ${step}`)) ?? "")?.[0];
      return {
        log,
        status: result.status,
        builds: log.split("#0 building with").length - 1,
        cached: steps.filter((step) => new RegExp(`^${numberOf(step)} (CACHED$|sha256:)`, "m").test(log)),
      };
    };

    beforeAll(async () => {
      registries = await startWorker({ protectedRefs: true }, { "layer-cache-password": "secret" });
      machine = registries.machine;
      await publishPrograms(registries, "library/busybox", "latest", {
        programs: [requireProgram("busybox")],
        links: ["sh", "ls", "head", "cat", "echo"],
      });
      await publishPrograms(registries, "moby/buildkit", "buildx-stable-1", {
        programs: ["buildkitd", "buildctl", "runc"].map(requireProgram),
        files: ["/etc/ssl/certs/ca-certificates.crt"],
        configuration: { Entrypoint: ["buildkitd"] },
      });
      await serveGitLab(registries);
      await mountIntoJob(registries);
      const plugin = "/root/.docker/cli-plugins/docker-buildx";
      const commands = `mkdir --parents /builds /opt/busybox /root/.docker/cli-plugins
      ln --symbolic ${requireProgram("buildx")} ${plugin}
      ${requireProgram("busybox")} --install -s /opt/busybox`;
      expect(await machine.run(["bash", "-c", commands])).toMatchObject({ status: 0 });
    });

    const imageOf = async (tag: string) =>
      (
        await machine.run(["skopeo", "inspect", "--format", "{{.Digest}}", `docker://${image}:${tag}`])
      ).stdout.trim();
    const cached = async (repository: string) => {
      const url = `http://registry-mirror.test:5000/v2/${repository}/tags/list`;
      return JSON.parse((await machine.run(["curl", "--silent", url])).stdout) as unknown;
    };

    beforeEach(async () => {
      machine.write("/builds/Dockerfile", dockerfile);
      machine.write("/builds/file", "one");
      await freshEngine();
    });

    afterEach(async () => {
      await engine?.stop();
      engine = undefined;
      await machine.run(["rm", "--recursive", "--force", "/var/lib/fleet-registry/layer-cache/docker"]);
    });

    afterAll(async () => {
      await registries.stop();
    });

    it("pushes it, and its layers to the layer cache", async () => {
      expect(await job("main")).toMatchObject({ status: 0, builds: 1, cached: [] });
      expect(await imageOf("main")).toMatch(/^sha256:/);
      expect(await cached("group/project/build")).toEqual({ name: "group/project/build", tags: ["main"] });
      expect((await engine?.docker("image", "ls", "--quiet", image))?.stdout).toBe("");
    });

    it("builds nothing that another worker has built", async () => {
      await job("main");
      await freshEngine();

      expect(await job("main")).toMatchObject({ status: 0, builds: 1, cached: steps });
    });

    it("starts from the default branch's layers in a new branch", async () => {
      await job("main");
      await freshEngine();
      machine.write("/builds/file", "two");

      expect(await job("new-branch")).toMatchObject({ status: 0, cached: steps.slice(0, 2) });
      expect(await cached("group/project/build")).toMatchObject({ tags: ["main", "new-branch"] });
    });

    it("leaves protected layers to the runners that have their password", async () => {
      const password = { FLEET_LAYER_CACHE_PASSWORD: "secret" };
      expect(await job("main", password)).toMatchObject({ status: 0, cached: [] });
      await freshEngine();

      expect(await job("new-branch")).toMatchObject({ status: 0, cached: steps });
      expect(await cached("protected/group/project/build")).toMatchObject({ tags: ["main"] });
      expect(await cached("group/project/build")).toMatchObject({ tags: ["new-branch"] });
      await freshEngine();
      machine.write("/builds/file", "two");
      await job("main");
      await freshEngine();
      expect(await job("main", password)).toMatchObject({ status: 0, cached: steps.slice(0, 2) });
    });

    it("pushes it and loads it, in one build", async () => {
      expect(await job("main", { BUILD_LOAD: "true" })).toMatchObject({ status: 0, builds: 1 });

      const pushed = await machine.run(["skopeo", "inspect", "--config", `docker://${image}:main`]);
      const loaded = await engine?.docker("image", "inspect", `${image}:main`);
      const { rootfs } = JSON.parse(pushed.stdout) as { rootfs: { diff_ids: string[] } };
      expect(JSON.parse(loaded?.stdout ?? "")).toMatchObject([{ RootFS: { Layers: rootfs.diff_ids } }]);
      expect((await engine?.docker("run", "--rm", `${image}:main`, "cat", "/three"))?.stdout).toBe(
        "onetwo\n",
      );
    });

    it("does without the layer cache on other runners", async () => {
      expect(await job("main", { FLEET_LAYER_CACHE: "" })).toMatchObject({ status: 0, builds: 1 });
      expect(await cached("group/project/build")).toMatchObject({ errors: [{ code: "NAME_UNKNOWN" }] });
    });

    it("builds stages anew that it is told to, and shares them", async () => {
      machine.write(
        "/builds/folder/Other",
        `FROM busybox AS base\n${first}\nFROM base\nRUN echo $WORD >/word\n`,
      );
      const more = { BUILD_DOCKERFILE: "folder/Other", BUILD_CONTEXT: "folder", BUILD_CACHE_NAME: "other" };
      expect(await job("main", { ...more, BUILD_OPTIONS: "--label a=b --label c=d" })).toMatchObject({
        status: 0,
      });
      await freshEngine();

      expect(await job("main", { ...more, BUILD_FRESH_STAGES: "base" })).toMatchObject({
        status: 0,
        cached: [],
      });
      await freshEngine();
      expect(await job("main", { ...more, BUILD_TARGET: "base" })).toMatchObject({
        status: 0,
        cached: [first],
      });
      expect(await cached("group/project/other")).toMatchObject({ tags: ["main"] });
    });

    it("fails once when the Dockerfile is wrong", async () => {
      machine.write("/builds/Dockerfile", "FROM busybox\nRUN printf 'failed to %s: ' copy && false\n");

      expect(await job("main")).toMatchObject({ status: 1, builds: 1 });
    });

    describe("while the layer cache fails", () => {
      let proxy: Service | undefined;

      /** The layer cache's registry, without what is in front of it. */
      const behindProxy = async (fatal: { method: string; path: RegExp }) => {
        await registries.units.stop("registry-front");
        proxy = await startFragileProxy(machine, 5000, 15000, fatal);
      };

      afterEach(async () => {
        if (proxy === undefined) return;
        await proxy.stop("KILL");
        proxy = undefined;
        registries.units.start("registry-front");
      });

      it.each(["registry-front", "layer-cache"])("builds without it when %s is down", async (unit) => {
        await registries.units.stop(unit);

        expect(await job("main")).toMatchObject({ status: 0, builds: 1 });
        expect(await imageOf("main")).toMatch(/^sha256:/);
        registries.units.start(unit);
      });

      it("builds once more when it is gone after it has promised layers", async () => {
        await job("main");
        await freshEngine();
        machine.write("/builds/file", "two");
        // The first blob describes the cache.
        await behindProxy({ method: "GET", path: /\/blobs\// });

        expect(await job("main")).toMatchObject({ status: 0, builds: 2 });
      });

      it("builds once more when a layer is lost, which then is there again", async () => {
        await job("main");
        const blobs = "/var/lib/fleet-registry/layer-cache/docker/registry/v2/blobs";
        const lost = await machine.run([
          "find",
          blobs,
          "-size",
          "+500k",
          "-size",
          "-1000k",
          "-name",
          "data",
          "-delete",
          "-print",
        ]);
        expect(lost.stdout.trim().split("\n")).toHaveLength(1);
        await freshEngine();
        machine.write("/builds/file", "two");

        expect(await job("main")).toMatchObject({ status: 0, builds: 2 });
        await freshEngine();
        expect(await job("main")).toMatchObject({ status: 0, builds: 1, cached: steps });
      });

      it("is content without writing to it", async () => {
        await behindProxy({ method: "POST", path: /\/uploads\// });

        expect(await job("main")).toMatchObject({ status: 0, builds: 1 });
        expect(await imageOf("main")).toMatch(/^sha256:/);
      });
    });
  },
);
