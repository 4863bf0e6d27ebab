import { alwaysOnMachines } from "../../cli/machines";
import type { PlannedResource } from "../../cli/resources";

const instance = (inputs: PlannedResource["inputs"] = {}): PlannedResource => ({
  type: "aws:ec2/instance:Instance",
  name: "registry-mirror-instance",
  inputs: {
    instanceType: "t3.small",
    subnetId: "<public.subnetId>",
    rootBlockDevice: { volumeType: "gp3", volumeSize: 10 },
    userDataBase64: "I2Nsb3VkLWNvbmZpZw==",
    ...inputs,
  },
});

const groupOfOne = (networkInterface: PlannedResource["inputs"] = {}): PlannedResource[] => [
  {
    type: "aws:ec2/launchTemplate:LaunchTemplate",
    name: "bastion-launch-template",
    inputs: {
      instanceType: "t2.micro",
      networkInterfaces: [networkInterface],
      blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: { volumeType: "gp3", volumeSize: 12 } }],
      userData: "H4sI",
    },
  },
  {
    type: "aws:autoscaling/group:Group",
    name: "bastion-group",
    inputs: {
      vpcZoneIdentifiers: ["<public.subnetId>"],
      launchTemplate: {
        id: "<bastion-launch-template.id>",
        version: "<bastion-launch-template.latestVersion>",
      },
    },
  },
];

const publicSubnet: PlannedResource = {
  type: "aws:ec2/subnet:Subnet",
  name: "public",
  inputs: { mapPublicIpOnLaunch: true },
};

describe("the machines that are always on", () => {
  it("are what groups launch, and instances, by name", () => {
    expect(alwaysOnMachines([instance(), ...groupOfOne({ associatePublicIpAddress: "true" })])).toEqual([
      {
        name: "bastion",
        instanceType: "t2.micro",
        subnetId: "<public.subnetId>",
        rootVolume: { size: 12, type: "gp3" },
        isPublic: true,
        userData: { base64: "H4sI", plain: undefined },
      },
      {
        name: "registry-mirror",
        instanceType: "t3.small",
        subnetId: "<public.subnetId>",
        rootVolume: { size: 10, type: "gp3" },
        isPublic: false,
        userData: { base64: "I2Nsb3VkLWNvbmZpZw==", plain: undefined },
      },
    ]);
  });

  it.each([
    ["that asks for a public address", groupOfOne({ associatePublicIpAddress: "true" }), true],
    [
      "that asks for none, in a public subnet",
      [...groupOfOne({ associatePublicIpAddress: "false" }), publicSubnet],
      false,
    ],
    ["that leaves it to a public subnet", [...groupOfOne(), publicSubnet], true],
    ["that leaves it to another subnet", groupOfOne(), false],
  ])("are public in a group %s: %#", (_, resources, isPublic) => {
    expect(alwaysOnMachines(resources).map((machine) => machine.isPublic)).toEqual([isPublic]);
  });

  it.each([
    ["asks for a public address", [instance({ associatePublicIpAddress: true })], true],
    ["leaves it to a public subnet", [instance(), publicSubnet], true],
    ["leaves it to another subnet", [instance()], false],
  ])("are public as an instance that %s: %#", (_, resources, isPublic) => {
    expect(alwaysOnMachines(resources).map((machine) => machine.isPublic)).toEqual([isPublic]);
  });
});
