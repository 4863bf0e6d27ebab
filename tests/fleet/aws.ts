import type { IncomingMessage, ServerResponse } from "http";
import type { ApiCall } from "../engine/docker-machine";
import { errorAnswer, FaultProxy } from "../engine/fault-proxy";
import { passOn } from "../engine/relay";
import { Emulator } from "../tools/emulator";

/** A call of AWS's API, and by whom and when. */
export interface RecordedCall extends ApiCall {
  /** Milliseconds of the clock. */
  at: number;
  /** Access key that signed it. */
  accessKey: string;
  /** Method and path, for S3. */
  request: string;
}

/** An instance that docker-machine has made. */
export interface MadeInstance {
  id: string;
  /** As docker-machine calls it, and its key pair. */
  name: string;
  address: string;
  /** As ssh's `authorized_keys` has it. */
  publicKey: string;
  userData: Buffer;
  /** When it was asked for. */
  at: number;
}

/** What becomes of instances. */
export interface InstanceListener {
  made: (instance: MadeInstance) => void;
  /** Stopped or terminated. */
  ended: (id: string) => void;
}

/**
 * Milliseconds by which the time of a call may be wrong.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html RequestExpired
 */
const clockTolerance = 15 * 60_000;
const expired = { status: 400, code: "RequestExpired", message: "Request has expired." };

/** AWS as the fleet's machines see it: an emulator, each of whose calls is recorded. */
export class Aws {
  readonly calls: RecordedCall[] = [];
  private readonly publicKeys = new Map<string, string>();

  private constructor(
    readonly emulator: Emulator,
    /** Makes calls fail. */
    readonly faults: FaultProxy,
    private readonly listener: InstanceListener,
  ) {}

  static async start(listener: InstanceListener): Promise<Aws> {
    const emulator = await Emulator.start();
    return new Aws(emulator, await FaultProxy.start(emulator.url), listener);
  }

  async stop(): Promise<void> {
    await this.faults.stop();
    await this.emulator.stop();
  }

  /** Calls of an action so far, e.g. `ec2:RunInstances`. */
  callsOf(action: string): RecordedCall[] {
    return this.calls.filter((call) => call.action === action);
  }

  /** Answers a machine. */
  readonly answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = Date.now();
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const call = described(request, body);
    const answer = isExpired(request, at)
      ? errorAnswer(call.action.replace(":", " "), expired)
      : await passOn(this.faults.url, request, body);
    this.calls.push({ ...call, at, status: answer.status });
    if (answer.status === 200) this.follow({ ...call, at, status: 200 }, answer.body.toString());
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };

  private follow({ action, parameters, at }: RecordedCall, answer: string): void {
    switch (action) {
      case "ec2:ImportKeyPair": {
        const material = Buffer.from(parameters["PublicKeyMaterial"] ?? "", "base64").toString();
        this.publicKeys.set(parameters["KeyName"] ?? "", material);
        break;
      }
      case "ec2:RunInstances": {
        const valueOf = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(answer)?.[1] ?? "";
        this.listener.made({
          id: valueOf("instanceId"),
          name: parameters["KeyName"] ?? "",
          address: valueOf("privateIpAddress"),
          publicKey: this.publicKeys.get(parameters["KeyName"] ?? "") ?? "",
          userData: Buffer.from(parameters["UserData"] ?? "", "base64"),
          at,
        });
        break;
      }
      case "ec2:StopInstances":
      case "ec2:TerminateInstances":
        for (const [name, id] of Object.entries(parameters)) {
          if (name.startsWith("InstanceId.")) this.listener.ended(id);
        }
        break;
    }
  }
}

/** Whether AWS refuses a call for the time that it says it is of. */
function isExpired({ headers }: IncomingMessage, now: number): boolean {
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers["x-amz-date"]));
  if (!date) return false;
  const [year = 0, month = 1, ...rest] = date.slice(1).map(Number);
  return Math.abs(Date.UTC(year, month - 1, ...rest) - now) > clockTolerance;
}

function described(
  { method = "", url = "", headers }: IncomingMessage,
  body: Buffer,
): Omit<RecordedCall, "at" | "status"> {
  const { pathname, searchParams } = new URL(url, "https://aws");
  const credential =
    /Credential=([^,\s]+)/.exec(headers.authorization ?? "")?.[1] ??
    searchParams.get("X-Amz-Credential") ??
    "";
  const [accessKey = "", , , service = ""] = credential.split("/");
  const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
  const { Action, ...parameters } = isForm ? Object.fromEntries(new URLSearchParams(body.toString())) : {};
  const target = headers["x-amz-target"]?.toString().split(".").at(-1);
  const request = `${method} ${pathname}`;
  return { action: `${service}:${Action ?? target ?? method}`, parameters, accessKey, request };
}
