import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SSMClient } from "@aws-sdk/client-ssm";
import { errorCode } from "../problem";
import type { AwsPlace } from "./deployed-fleet";

/** The services of AWS that a fleet is operated through. */
export interface Aws {
  ec2: EC2Client;
  ssm: SSMClient;
  logs: CloudWatchLogsClient;
  lambda: LambdaClient;
}

/** Credentials come from the SDK's default chain; `AWS_ENDPOINT_URL` counts where the stack names no endpoint. */
export function awsAt({ region, profile, endpoints }: AwsPlace): Aws {
  // What later versions of the SDK will need is none of the operator's business: the lock file says which one runs.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const client = (...names: string[]) => {
    const endpoint = names.map((name) => endpoints[name]).find((url) => url !== undefined);
    return { region, ...(profile !== undefined && { profile }), ...(endpoint !== undefined && { endpoint }) };
  };
  return {
    ec2: new EC2Client(client("ec2")),
    ssm: new SSMClient(client("ssm")),
    logs: new CloudWatchLogsClient(client("logs", "cloudwatchlogs")),
    lambda: new LambdaClient(client("lambda")),
  };
}

/** Whether AWS has answered with this error. */
export function isAwsError(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name && "$metadata" in error;
}

/** In one line what keeps us from AWS, or what AWS refused; undefined when it is neither. */
export function awsProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const message = error.message.replaceAll("\n", " ");
  if (error.name === "CredentialsProviderError") {
    return `There are no AWS credentials: ${message}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  }
  if ("$metadata" in error && "$fault" in error) return `AWS refused: ${error.name}: ${message}`;
  const code = errorCode(error);
  return code !== undefined && /^E[A-Z]+$/.test(code) ? `AWS does not answer: ${message || code}` : undefined;
}
