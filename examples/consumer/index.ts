import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { readFleetOutputs } from "../../components/outputs";

const config = new pulumi.Config();
const fleet = readFleetOutputs(new pulumi.StackReference(config.require("fleet")));

// A test database in the fleet's network, which only jobs may connect to.
const database = new aws.ec2.SecurityGroup("test-database", {
  vpcId: fleet.vpcId,
  description: "Test database of the fleet's jobs",
});
new aws.vpc.SecurityGroupIngressRule("from-jobs", {
  securityGroupId: database.id,
  referencedSecurityGroupId: fleet.workerSecurityGroupId,
  description: "Jobs of the fleet",
  ipProtocol: "tcp",
  fromPort: 5432,
  toPort: 5432,
});

// A role that seeds the distributed cache from elsewhere.
const seeder = new aws.iam.Role("cache-seeder", {
  assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ["sts:AssumeRole"],
        principals: [{ type: "Service", identifiers: ["lambda.amazonaws.com"] }],
      },
    ],
  }).json,
});
new aws.iam.RolePolicyAttachment("cache-seeder", { role: seeder.name, policyArn: fleet.cachePolicyArn });

export const databaseSecurityGroupId = database.id;
/** For Docker engines outside the fleet, in the same network. */
export const registryMirrorUrl = fleet.registryMirrorUrl;
