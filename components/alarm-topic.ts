import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { accountOf } from "./account";
import { policyJson } from "./iam";
import type { Tags } from "./instance";

/** Who hears of alarms. */
export interface AlarmTopicArgs {
  region: string;
  /** What the names of the alarms begin with: these alone may publish. */
  prefix: string;
  /** Each gets a mail with a link to confirm. */
  emails: string[];
  tags: Tags;
}

/**
 * Makes `${name}-topic`, to which the fleet's alarms publish, and subscriptions by mail. It is not encrypted at rest: CloudWatch cannot
 * use the key `alias/aws/sns`, a key of one's own costs $1 a month, and what is published are names of alarms and numbers.
 * @see https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
 */
export function alarmTopic(
  name: string,
  { region, prefix, emails, tags }: AlarmTopicArgs,
  parent: pulumi.Resource,
): aws.sns.Topic {
  const topic = new aws.sns.Topic(
    `${name}-topic`,
    { displayName: `Alarms of ${prefix}`, tags: { ...tags } },
    { parent },
  );
  const policy = pulumi
    .output({ ...accountOf(parent), topicArn: topic.arn })
    .apply(({ accountId, partition, topicArn }) =>
      policyJson({
        Sid: "AlarmsMayPublish",
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: topicArn,
        Condition: {
          ArnLike: {
            "aws:SourceArn": `arn:${partition}:cloudwatch:${region}:${accountId}:alarm:${prefix}-*`,
          },
          StringEquals: { "aws:SourceAccount": accountId },
        },
      }),
    );
  new aws.sns.TopicPolicy(`${name}-topic-policy`, { arn: topic.arn, policy }, { parent });
  for (const endpoint of emails) {
    new aws.sns.TopicSubscription(
      `${name}-to-${endpoint}`,
      { topic: topic.arn, protocol: "email", endpoint },
      { parent },
    );
  }
  return topic;
}
