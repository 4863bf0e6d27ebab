import { join } from "node:path";
import { planFleet } from "../../cli/fleet-plan";
import { fleetNetwork } from "../../cli/network";
import { ofType } from "../../cli/resources";
import { readStackConfiguration } from "../../cli/stack-file";

describe("the plan of a fleet in another stack's VPC", () => {
  const planned = () => {
    const dev = readStackConfiguration(join(__dirname, "..", ".."), "dev");
    const network = { "gitlab-runner-fleet:network": '{"stack":"organization/network/dev"}' };
    return planFleet({ ...dev, values: { ...dev.values, ...network } }, () => import("../../index"));
  };

  it("shows what only that stack knows by its name, and makes no network", async () => {
    const plan = await planned();
    const [endpoint] = ofType(plan.resources, "aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoint?.inputs).toMatchObject({
      vpcId: "<organization/network/dev.vpcId>",
      routeTableIds: ["<organization/network/dev.routeTableIds[0]>"],
    });
    expect(plan.runners.map(({ subnetId }) => subnetId)).toEqual(["<organization/network/dev.subnetIds[0]>"]);
    expect(fleetNetwork(plan).vpc).toEqual({ label: "<organization/network/dev.vpcId>", isNew: false });
    expect(ofType(plan.resources, "pulumi:pulumi:StackReference")).toEqual([]);
    expect(plan.warnings).toEqual([]);
  });
});
