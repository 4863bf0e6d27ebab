import * as pulumi from "@pulumi/pulumi";
import { readFleetOutputs } from "../components/outputs";
import { programAt } from "./helpers/load";
import { record, valueOf } from "./helpers/record";

describe("readFleetOutputs", () => {
  it("reads a fleet's outputs from its stack, and undefined for a mirror that is switched off", async () => {
    let read: Promise<unknown> | undefined;
    await record(() => {
      const fleet = readFleetOutputs(new pulumi.StackReference("organization/gitlab-runner-fleet/test"));
      const { vpcId, publicSubnetIds, privateSubnetIds, registryMirrorUrl, layerCacheRegistry } = fleet;
      const { alarmTopicArn, dashboardName } = fleet;
      read = valueOf(
        pulumi.output({
          vpcId,
          publicSubnetIds,
          privateSubnetIds,
          registryMirrorUrl,
          layerCacheRegistry,
          alarmTopicArn,
          dashboardName,
        }),
      );
    });
    await expect(read).resolves.toEqual({
      vpcId: "vpc-of-stack",
      publicSubnetIds: ["subnet-of-stack"],
      privateSubnetIds: [],
      registryMirrorUrl: undefined,
      layerCacheRegistry: undefined,
      alarmTopicArn: "alarmTopicArn-of-stack",
      dashboardName: "dashboardName-of-stack",
    });
  });

  it("reads the rest where there is no cache bucket", async () => {
    let read: Promise<unknown> | undefined;
    await record(() => {
      const stack = new pulumi.StackReference("organization/gitlab-runner-fleet/bucketless");
      read = valueOf(readFleetOutputs(stack).fleetPolicyArn);
    });
    await expect(read).resolves.toBe("fleetPolicyArn-of-stack");
  });
});

describe("examples/consumer", () => {
  it("lets the fleet's jobs reach its database, and a role write to the fleet's cache", async () => {
    const made = await record(programAt("examples/consumer/index"), {
      "gitlab-runner-fleet:fleet": "organization/gitlab-runner-fleet/test",
    });
    expect(
      made.resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "from-jobs").inputs,
    ).toMatchObject({
      referencedSecurityGroupId: "workerSecurityGroupId-of-stack",
      fromPort: 5432,
      toPort: 5432,
    });
    expect(
      made.resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cache-seeder").inputs["policyArn"],
    ).toBe("cachePolicyArn-of-stack");
  });
});
