import { mirrorsOf } from "../components/registry-addresses";
import { renderMachineOptions, type MachineOptions } from "../components/machine-options";

const options: MachineOptions = {
  region: "eu-west-1",
  vpcId: "vpc-1",
  subnetId: "subnet-1",
  availabilityZone: "eu-west-1b",
  securityGroupName: "workers",
  instanceProfileName: "workers-profile",
  imageId: "ami-1",
  instanceType: "m6i.large",
  rootVolumeSize: 20,
  fallbacks: [],
  privateAddressOnly: false,
  tags: { team: "ci", "fleet-id": "0a1b" },
  userDataFile: "/etc/gitlab-runner/worker-user-data",
  engineInstallUrl: "file:///opt/fleet/install-docker.sh",
  extraOptions: [],
};

describe("MachineOptions", () => {
  it("make an on-demand worker with a public address that nobody uses", () => {
    expect(renderMachineOptions(options)).toEqual([
      "amazonec2-region=eu-west-1",
      "amazonec2-zone=b",
      "amazonec2-vpc-id=vpc-1",
      "amazonec2-subnet-id=subnet-1",
      "amazonec2-security-group=workers",
      "amazonec2-security-group-readonly=true",
      "amazonec2-use-private-address=true",
      "amazonec2-ami=ami-1",
      "amazonec2-instance-type=m6i.large",
      "amazonec2-root-size=20",
      "amazonec2-volume-type=gp3",
      "amazonec2-volume-encrypted=true",
      "amazonec2-iam-instance-profile=workers-profile",
      "amazonec2-metadata-token=required",
      "amazonec2-metadata-token-response-hop-limit=1",
      "amazonec2-tags=fleet-id,0a1b,team,ci",
      "amazonec2-userdata=/etc/gitlab-runner/worker-user-data",
      "engine-install-url=file:///opt/fleet/install-docker.sh",
    ]);
  });

  it.each([
    ["asks for a spot instance below a price", { maxPrice: "0.03" }, "amazonec2-spot-price=0.03"],
    ["lets the on-demand price be the cap of a spot instance", {}, "amazonec2-spot-price="],
  ])("%s", (_, spot, price) => {
    const rendered = renderMachineOptions({ ...options, spot });
    expect(rendered).toContain("amazonec2-request-spot-instance=true");
    expect(rendered).toContain(price);
  });

  it("name the fallbacks in their order, in options that docker-machine itself has no use for", () => {
    const fallbacks = [
      { instanceType: "m5.large", spot: { maxPrice: "0.04" } },
      { instanceType: "m5a.large", spot: {} },
      { instanceType: "m6i.large" },
    ];
    expect(renderMachineOptions({ ...options, spot: {}, fallbacks }).slice(-3)).toEqual([
      "swarm-opt=fleet-fallback=amazonec2-instance-type=m5.large amazonec2-request-spot-instance=true amazonec2-spot-price=0.04",
      "swarm-opt=fleet-fallback=amazonec2-instance-type=m5a.large amazonec2-request-spot-instance=true amazonec2-spot-price=",
      "swarm-opt=fleet-fallback=amazonec2-instance-type=m6i.large amazonec2-request-spot-instance=false",
    ]);
  });

  it("give a worker in a private subnet no public address", () => {
    expect(renderMachineOptions({ ...options, privateAddressOnly: true })).toContain(
      "amazonec2-private-address-only=true",
    );
  });

  it("point the engine at the registry mirror and the layer cache", () => {
    const registries = { host: "mirror", mirrors: mirrorsOf([]) };
    expect(renderMachineOptions({ ...options, registries }).slice(-3)).toEqual([
      "engine-registry-mirror=http://mirror:6000",
      "engine-insecure-registry=mirror:6000",
      "engine-insecure-registry=mirror:5000",
    ]);
  });

  it("trust registries that speak HTTPS", () => {
    const registries = { host: "mirror", mirrors: mirrorsOf([]), caCertificate: "certificate" };
    expect(renderMachineOptions({ ...options, registries }).at(-1)).toBe(
      "engine-registry-mirror=https://mirror:6000",
    );
  });

  it("end with the further options as they were given", () => {
    const extraOptions = ["amazonec2-monitoring=true", "engine-opt=log-level=warn"];
    expect(renderMachineOptions({ ...options, extraOptions }).slice(-2)).toEqual(extraOptions);
  });
});
