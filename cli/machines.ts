import {
  listAt,
  numberAt,
  ofType,
  placeholder,
  sortResources,
  textAt,
  valueAt,
  type PlannedResource,
} from "./resources";

/** A machine that is always on: an instance, or what a group of one launches. */
export interface Machine {
  /** E.g. `bastion`. */
  name: string;
  instanceType: string;
  subnetId: string;
  /** Size in GiB. */
  rootVolume: { size: number | undefined; type: string | undefined };
  isPublic: boolean;
  /** In base64, or as it is. */
  userData: { base64: string | undefined; plain: string | undefined };
}

/** The machines that are always on, by their names. */
export function alwaysOnMachines(resources: PlannedResource[]): Machine[] {
  const isPublicSubnet = (id: string): boolean => {
    const subnet = ofType(resources, "aws:ec2/subnet:Subnet").find(
      ({ name }) => placeholder(name, "subnetId") === id,
    );
    return subnet !== undefined && valueAt(subnet.inputs, "mapPublicIpOnLaunch") === true;
  };
  const templates = ofType(resources, "aws:ec2/launchTemplate:LaunchTemplate");
  const groups = ofType(sortResources(resources), "aws:autoscaling/group:Group").flatMap((group) => {
    const id = textAt(group.inputs, "launchTemplate", "id");
    const template = templates.find(({ name }) => placeholder(name, "id") === id);
    return template ? [machineOfGroup(group, template, isPublicSubnet)] : [];
  });
  const instances = ofType(sortResources(resources), "aws:ec2/instance:Instance").map((instance) =>
    machineOfInstance(instance, isPublicSubnet),
  );
  return [...groups, ...instances].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function machineOfInstance(
  { name, inputs }: PlannedResource,
  isPublicSubnet: (id: string) => boolean,
): Machine {
  const subnetId = textAt(inputs, "subnetId") ?? "";
  return {
    name: name.replace(/-instance$/, ""),
    instanceType: textAt(inputs, "instanceType") ?? "",
    subnetId,
    rootVolume: {
      size: numberAt(inputs, "rootBlockDevice", "volumeSize"),
      type: textAt(inputs, "rootBlockDevice", "volumeType"),
    },
    // The instance says so itself, or its subnet gives an address to each of its instances.
    isPublic: valueAt(inputs, "associatePublicIpAddress") === true || isPublicSubnet(subnetId),
    userData: { base64: textAt(inputs, "userDataBase64"), plain: textAt(inputs, "userData") },
  };
}

function machineOfGroup(
  group: PlannedResource,
  template: PlannedResource,
  isPublicSubnet: (id: string) => boolean,
): Machine {
  const [subnet] = listAt(group.inputs, "vpcZoneIdentifiers");
  const subnetId = typeof subnet === "string" ? subnet : "";
  const [root] = listAt(template.inputs, "blockDeviceMappings");
  const [networkInterface] = listAt(template.inputs, "networkInterfaces");
  const address = textAt(networkInterface, "associatePublicIpAddress");
  return {
    name: group.name.replace(/-group$/, ""),
    instanceType: textAt(template.inputs, "instanceType") ?? "",
    subnetId,
    rootVolume: { size: numberAt(root, "ebs", "volumeSize"), type: textAt(root, "ebs", "volumeType") },
    isPublic: address === undefined ? isPublicSubnet(subnetId) : address === "true",
    userData: { base64: textAt(template.inputs, "userData"), plain: undefined },
  };
}
