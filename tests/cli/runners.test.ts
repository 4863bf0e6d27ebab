import { readRunners } from "../../cli/runners";
import { renderMachineOptions, type MachineChoice } from "../../components/machine-options";

const planned = (first: MachineChoice, fallbacks: MachineChoice[]) => {
  const options = renderMachineOptions({
    ...first,
    fallbacks,
    region: "eu-west-1",
    vpcId: "vpc-1",
    subnetId: "subnet-1",
    availabilityZone: "eu-west-1a",
    securityGroupName: "workers",
    instanceProfileName: "workers",
    imageId: "ami-1",
    rootVolumeSize: 20,
    privateAddressOnly: false,
    tags: {},
    userDataFile: "/user-data",
    engineInstallUrl: "file:///install",
    extraOptions: [],
  });
  return readRunners(`[[runners]]\n[runners.machine]\nMachineOptions = ${JSON.stringify(options)}\n`)[0];
};

describe("the runners of a plan", () => {
  it("ask for the machine of their options", () => {
    expect(planned({ instanceType: "m6i.large" }, [])).toMatchObject({
      instanceType: "m6i.large",
      spot: undefined,
      fallbacks: [],
      rootVolumeSize: 20,
      publicAddress: true,
    });
  });

  it("have their fallbacks, each with its own market and price", () => {
    const fallbacks = [
      { instanceType: "m5.large", spot: { maxPrice: "0.04" } },
      { instanceType: "m5a.large", spot: {} },
      { instanceType: "m6i.large" },
    ];
    expect(planned({ instanceType: "m6i.large", spot: { maxPrice: "0.03" } }, fallbacks)).toMatchObject({
      instanceType: "m6i.large",
      spot: { maxPrice: 0.03 },
      fallbacks: [
        { instanceType: "m5.large", spot: { maxPrice: 0.04 } },
        { instanceType: "m5a.large", spot: {} },
        { instanceType: "m6i.large", spot: undefined },
      ],
    });
  });
});
