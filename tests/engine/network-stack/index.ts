import * as aws from "@pulumi/aws";

const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.60.0.0/16", enableDnsHostnames: true });
const gateway = new aws.ec2.InternetGateway("gateway", { vpcId: vpc.id });
const routeTable = new aws.ec2.RouteTable("public", {
  vpcId: vpc.id,
  routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }],
});
const subnets = ["a", "b"].map((zone, i) => {
  const subnet = new aws.ec2.Subnet(`public-${zone}`, {
    vpcId: vpc.id,
    availabilityZone: `eu-west-1${zone}`,
    cidrBlock: `10.60.${i}.0/24`,
  });
  new aws.ec2.RouteTableAssociation(`public-${zone}`, { subnetId: subnet.id, routeTableId: routeTable.id });
  return subnet;
});

export const vpcId = vpc.id;
export const subnetIds = subnets.map(({ id }) => id);
export const routeTableIds = [routeTable.id];
