import { Workers, type WorkerArgs, type WorkerKind, type WorkersArgs } from "../components/workers";
import { mirrorsOf } from "../components/registry-addresses";
import { workerKind, workersArgs } from "./helpers/fleet";
import { record, valueOf } from "./helpers/record";

const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const parameter = "aws:ssm/parameter:Parameter";

const make = (args: Partial<WorkersArgs> = {}) =>
  record(() => new Workers("workers", { ...workersArgs, ...args }));

async function machineOptions(kinds: WorkerArgs[]): Promise<string[][]> {
  let options: Promise<string[]>[] = [];
  await record(() => {
    const workers = new Workers("workers", { ...workersArgs, kinds });
    options = workers.kinds.map((kind) => valueOf(kind.machineOptions));
  });
  return Promise.all(options);
}

describe("Workers", () => {
  it("let nobody in by themselves, and may reach anything", async () => {
    const made = await make();
    expect(
      made.ofType(ingress).filter(({ inputs }) => inputs["securityGroupId"] === "workers-security-group-id"),
    ).toEqual([]);
    expect(
      made.resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "workers-out").inputs,
    ).toMatchObject({
      ipProtocol: "-1",
      cidrIpv4: "0.0.0.0/0",
    });
  });

  it("let themselves into the registry mirror on its two ports", async () => {
    const made = await make();
    expect(made.ofType(ingress).map(({ inputs }) => inputs)).toEqual([
      {
        securityGroupId: "sg-mirror",
        referencedSecurityGroupId: "workers-security-group-id",
        description: "Workers pull images through the mirror",
        ipProtocol: "tcp",
        fromPort: 6000,
        toPort: 6000,
      },
      {
        securityGroupId: "sg-mirror",
        referencedSecurityGroupId: "workers-security-group-id",
        description: "Workers share BuildKit layers",
        ipProtocol: "tcp",
        fromPort: 5000,
        toPort: 5000,
      },
    ]);
  });

  it("let themselves into the mirror of each further registry", async () => {
    const mirrors = mirrorsOf(["ghcr.io", "quay.io"]);
    const made = await make({
      registryMirror: { addresses: { host: "mirror", mirrors }, mirrors, securityGroupId: "sg-mirror" },
    });
    expect(
      made.ofType(ingress).map(({ name, inputs }) => [name, inputs["fromPort"], inputs["description"]]),
    ).toEqual([
      ["workers-to-registry-mirror", 6000, "Workers pull images through the mirror"],
      ["workers-to-registry-mirror-6001", 6001, "Workers pull images of ghcr.io through the mirror"],
      ["workers-to-registry-mirror-6002", 6002, "Workers pull images of quay.io through the mirror"],
      ["workers-to-layer-cache", 5000, "Workers share BuildKit layers"],
    ]);
  });

  it("have a role that may do nothing", async () => {
    const made = await make();
    expect(made.resources.filter(({ type }) => /olicy/.test(type))).toEqual([]);
    expect(made.resource("aws:iam/instanceProfile:InstanceProfile", "workers-profile").inputs["role"]).toBe(
      "workers-role-physical",
    );
  });

  it("are made in the fleet's network, group and role", async () => {
    const [options] = await machineOptions([workerKind]);
    expect(options).toEqual(
      expect.arrayContaining([
        "amazonec2-vpc-id=vpc-1",
        "amazonec2-subnet-id=subnet-1",
        "amazonec2-zone=a",
        "amazonec2-security-group=workers-security-group-physical",
        "amazonec2-iam-instance-profile=workers-profile-physical",
        "amazonec2-ami=ami-of-amd64",
        "engine-registry-mirror=http://mirror:6000",
      ]),
    );
  });

  it("may be of several kinds, each with its own type, zone, image and tags", async () => {
    const [first, second] = await machineOptions([
      workerKind,
      {
        ...workerKind,
        instanceType: "c7g.large",
        availabilityZone: "b",
        spot: { maxPrice: "0.04" },
        tags: { team: "arm" },
      },
    ]);
    expect(first).toContain("amazonec2-tags=fleet-bastion,@@instance-id@@,team,ci");
    expect(second).toEqual(
      expect.arrayContaining([
        "amazonec2-subnet-id=subnet-2",
        "amazonec2-zone=b",
        "amazonec2-instance-type=c7g.large",
        "amazonec2-ami=ami-of-arm64",
        "amazonec2-spot-price=0.04",
        "amazonec2-tags=fleet-bastion,@@instance-id@@,team,arm",
      ]),
    );
  });

  it("may have fallbacks, whose types and market the bastion's policy has to know", async () => {
    const fallbacks = [{ instanceType: "m5.large", spot: {} }, { instanceType: "m5a.large" }];
    const kinds: WorkerKind[] = [];
    await record(() => {
      const workers = new Workers("workers", {
        ...workersArgs,
        kinds: [{ ...workerKind, fallbacks }, workerKind],
      });
      kinds.push(...workers.kinds);
    });
    expect(kinds.map(({ instanceTypes, spot }) => ({ instanceTypes, spot }))).toEqual([
      { instanceTypes: ["m6i.large", "m5.large", "m5a.large"], spot: true },
      { instanceTypes: ["m6i.large"], spot: false },
    ]);
    const [options] = await machineOptions([{ ...workerKind, fallbacks }]);
    expect(options?.filter((option) => option.startsWith("swarm-opt"))).toHaveLength(2);
  });

  it("refuse a fallback of another architecture, which their image does not run on", () => {
    const fallbacks = [{ instanceType: "m7g.large" }];
    expect(() => new Workers("workers", { ...workersArgs, kinds: [{ ...workerKind, fallbacks }] })).toThrow(
      "kinds[0].fallbacks",
    );
  });

  it("record the image of each architecture once, and keep it", async () => {
    const made = await make({
      kinds: [workerKind, workerKind, { ...workerKind, instanceType: "t4g.small" }],
    });
    expect(
      made
        .ofType(parameter)
        .map(({ inputs, options }) => [inputs["name"], inputs["insecureValue"], options.ignoreChanges]),
    ).toEqual([
      ["/fleet/test/workers/image-amd64", "ami-of-amd64", ["insecureValue"]],
      ["/fleet/test/workers/image-arm64", "ami-of-arm64", ["insecureValue"]],
    ]);
  });

  it("record no image where each kind names one", async () => {
    const image = { id: "ami-0a1b2c3d", architecture: "amd64" } as const;
    const made = await make({ kinds: [{ ...workerKind, image }] });
    expect(made.ofType(parameter)).toEqual([]);
    expect((await machineOptions([{ ...workerKind, image }]))[0]).toContain("amazonec2-ami=ami-0a1b2c3d");
  });

  it("refuse a zone without a subnet before anything is made", () => {
    expect(
      () => new Workers("workers", { ...workersArgs, kinds: [{ ...workerKind, availabilityZone: "c" }] }),
    ).toThrow("Workers");
  });
});
