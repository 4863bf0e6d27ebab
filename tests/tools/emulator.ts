import type { ChildProcess } from "child_process";
import * as path from "path";
import { freeAddress, startEmulator } from "../../cli/local/emulator";
import { requireProgram } from "./programs";

/** An AWS emulator (moto) of a test's own. */
export class Emulator {
  private constructor(
    /** Its address, for all AWS services, e.g. "http://127.0.0.1:34567". */
    readonly url: string,
    private readonly server: ChildProcess,
  ) {}

  /**
   * Starts an emulator on a free port and waits until it answers.
   * @throws Error when moto is not installed, or does not answer within a minute.
   */
  static async start(): Promise<Emulator> {
    const python = path.join(path.dirname(requireProgram("moto_server")), "python3");
    const url = await freeAddress();
    // It does not outlive the tests, whatever happens to them.
    const launcher = ["setpriv", "--pdeathsig", "KILL"];
    const server = await startEmulator({
      python,
      url,
      whileFile: __filename,
      logFile: "/dev/null",
      launcher,
    });
    return new Emulator(url, server);
  }

  /** Variables that lead AWS's SDK here. */
  sdkEnvironment(region: string): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: "emulator",
      AWS_SECRET_ACCESS_KEY: "emulator",
    };
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    await fetch(`${this.url}/moto-api/reset`, { method: "POST" });
  }

  /** Switches access control on or off: signatures and policies are checked only when it is on. */
  async enforceAccess(enforce: boolean): Promise<void> {
    await fetch(`${this.url}/moto-api/reset-auth`, { method: "POST", body: enforce ? "0" : "inf" });
  }

  /**
   * One call of SSM's API, not signed for real.
   * @throws Error with the emulator's answer when it refuses.
   */
  ssm(region: string, action: string, input: object): Promise<unknown> {
    return jsonCall(this.url, region, { service: "ssm", target: `AmazonSSM.${action}` }, input);
  }

  /**
   * One call of the API of CloudWatch Logs, not signed for real.
   * @throws Error with the emulator's answer when it refuses.
   */
  logs(region: string, action: string, input: object): Promise<unknown> {
    return jsonCall(this.url, region, { service: "logs", target: `Logs_20140328.${action}` }, input);
  }

  /**
   * One call of an API with the query protocol (IAM, STS, EC2), not signed for real.
   * @returns the XML of the answer.
   * @throws Error with the emulator's answer when it refuses.
   */
  query(region: string, service: string, version: string, input: Record<string, string>): Promise<string> {
    return queryCall(this.url, region, { service, version }, input);
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.server.exitCode === null) {
      const ended = new Promise((resolve) => this.server.once("exit", resolve));
      this.server.kill("SIGKILL");
      await ended;
    }
  }
}

/** One call of an API with the JSON protocol, not signed for real. */
export async function jsonCall(
  url: string,
  region: string,
  { service, target }: { service: string; target: string },
  input: object,
): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      ...authorization(region, service),
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": target,
    },
    body: JSON.stringify(input),
  });
  const text = await textOf(response, target);
  return text === "" ? undefined : JSON.parse(text);
}

/** One call of an API with the query protocol, not signed for real. Returns the XML of the answer. */
export async function queryCall(
  url: string,
  region: string,
  { service, version }: { service: string; version: string },
  input: Record<string, string>,
): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: authorization(region, service),
    body: new URLSearchParams({ Version: version, ...input }),
  });
  return await textOf(response, input["Action"] ?? service);
}

/** moto takes the service and the region from it. */
function authorization(region: string, service: string): Record<string, string> {
  const scope = `test/20260101/${region}/${service}/aws4_request`;
  return { Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none` };
}

async function textOf(response: Response, action: string): Promise<string> {
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${action}: ${response.status} ${text}`);
  }
  return text;
}
