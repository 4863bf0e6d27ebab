import { parse } from "smol-toml";
import { z } from "zod";
import { mirrorsOf } from "../components/registry-addresses";
import { configToml } from "../components/config-toml";
import { goodConfig, understood } from "./helpers/stack-file";

const dockerSection = z.looseObject({
  volumes: z.array(z.string()),
  services_tmpfs: z.record(z.string(), z.string()).optional(),
});
const document = z.object({ runners: z.array(z.object({ docker: dockerSection })) });

const facts = { fleetId: "0a1b2c3d", machineOptions: [[]], cacheBucketName: "bucket" };

/** `[runners.docker]` of a runner that says this of Docker. */
function dockerOf(docker: object, hasMirror = false): z.output<typeof dockerSection> {
  const { config } = understood({ ...goodConfig, runners: [{ name: "default", docker }] });
  const registries = hasMirror ? { host: "mirror", mirrors: mirrorsOf([]) } : undefined;
  const text = configToml(config, { ...facts, registries });
  const [runner] = document.parse(parse(text)).runners;
  if (!runner) throw new Error("there is no runner");
  return runner.docker;
}

describe("config.toml", () => {
  it("shows GitLab Runner's metrics to the bastion alone", () => {
    expect(parse(configToml(understood(goodConfig).config, facts))["listen_address"]).toBe("127.0.0.1:9252");
  });

  it("has the fleet's id in the names of its machines, before that of the stack file", () => {
    const { config } = understood({
      ...goodConfig,
      runners: [{ name: "default", machine: { name: "build-%s" } }],
    });
    expect(parse(configToml(config, facts))).toMatchObject({
      runners: [{ machine: { MachineName: "0a1b2c3d-build-%s" } }],
    });
  });
});

describe("[runners.docker]", () => {
  it("shares docker:dind's client certificates with privileged jobs, and has the volumes of the stack file last", () => {
    expect(dockerOf({ privileged: false, volumes: ["/data"] }).volumes).toEqual(["/data"]);
    expect(dockerOf({ privileged: true, volumes: ["/data"] }).volumes).toEqual(["/certs/client", "/data"]);
    expect(dockerOf({ privileged: true, volumes: ["/certs/client"] }).volumes).toEqual(["/certs/client"]);
  });

  it("has the files by which programs find the registries, when there are any", () => {
    const { volumes } = dockerOf({ privileged: true }, true);
    expect(volumes[0]).toBe("/etc/fleet/daemon.json:/etc/docker/daemon.json:ro");
    expect(volumes.at(-1)).toBe("/certs/client");
  });

  it("keeps docker:dind's images and layers in memory when asked to, where programs can be run from", () => {
    expect(dockerOf({ privileged: true }).services_tmpfs).toBeUndefined();
    expect(dockerOf({ privileged: true, buildMemory: 6 }).services_tmpfs).toEqual({
      "/var/lib/docker": "rw,exec,suid,dev,size=6g",
    });
  });
});
