import * as pulumi from "@pulumi/pulumi";
import { Observability } from "../../../components/observability";

const topicArn = new pulumi.Config().get("topicArn");
const { topicArn: usedTopicArn, dashboardName } = new Observability("observability", {
  region: "eu-west-1",
  fleet: `${pulumi.getProject()}/${pulumi.getStack()}`,
  bastion: { groupName: "bastion-group-1" },
  registryMirror: { instanceId: "i-0a1b2c3d4e5f60718", mirrorShare: 40, layerCacheShare: 45 },
  sweep: { functionName: "sweep-function-1" },
  ...(topicArn === undefined ? { emails: ["on-call@example.com"] } : { topicArn }),
});

export { usedTopicArn as topicArn, dashboardName };
