import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Tags } from "./instance";

/** Who hears of alarms. */
export interface AlarmTopicArgs {
  /** What the names of the alarms begin with. */
  prefix: string;
  /** Each gets a mail with a link to confirm. */
  emails: string[];
  tags: Tags;
}

/**
 * Makes `${name}-topic`, to which the fleet's alarms publish, and subscriptions by mail. SNS's own policy of a new topic lets its account
 * publish, and with it CloudWatch's alarms of this account. It is not encrypted at rest: CloudWatch cannot use the key
 * `alias/aws/sns`, a key of one's own costs $1 a month, and what is published are names of alarms and numbers.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
 * @see https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
 */
export function alarmTopic(
  name: string,
  { prefix, emails, tags }: AlarmTopicArgs,
  parent: pulumi.Resource,
): aws.sns.Topic {
  const topic = new aws.sns.Topic(
    `${name}-topic`,
    { displayName: `Alarms of ${prefix}`, tags: { ...tags } },
    { parent },
  );
  for (const endpoint of emails) {
    new aws.sns.TopicSubscription(
      `${name}-to-${endpoint}`,
      { topic: topic.arn, protocol: "email", endpoint },
      { parent },
    );
  }
  return topic;
}
