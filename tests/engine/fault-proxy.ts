import type { IncomingMessage } from "http";
import type { HttpServer } from "../tools/http-server";
import { passOn, startRelay, type Answer } from "./relay";

/** Some calls of AWS's API. */
export interface Calls {
  /** E.g. `ec2 RunInstances`. */
  action: string;
  /** Only those that say this somewhere. Default: all. */
  saying?: string;
}

/** An error that AWS answers with. */
export interface Fault {
  status: number;
  code: string;
  message: string;
}

interface Call {
  action: string;
  text: string;
}

/** What happens to a call; `pass` lets the emulator do it. */
type Handling = (pass: () => Promise<Answer>) => Promise<Answer>;

/**
 * Stands between the provider and an emulator of AWS. It passes everything on, but for calls that it was told to answer with a fault or
 * not at all.
 */
export class FaultProxy {
  /** Each call so far, e.g. `ec2 RunInstances`. */
  readonly calls: string[] = [];
  /** What each of them said, decoded if it was a form, e.g. `Action=RunInstances&InstanceType=t3.medium`. */
  readonly texts: string[] = [];
  private handlingOf: (call: Call) => Handling | undefined = () => undefined;

  private constructor(
    private readonly emulator: string,
    private readonly server: HttpServer,
  ) {}

  static async start(emulator: string): Promise<FaultProxy> {
    const server = await startRelay((asked, body) => proxy.answer(asked, body));
    const proxy = new FaultProxy(emulator, server);
    return proxy;
  }

  get url(): string {
    return this.server.url;
  }

  /** Answers the next calls of an action with its faults, one after the other, and then passes them on. Returns those still to come. */
  answerNext(faults: { action: string; fault: Fault }[]): { action: string; fault: Fault }[] {
    const left = [...faults];
    this.handlingOf = ({ action }) => {
      const next = left.findIndex((one) => one.action === action);
      const [taken] = next < 0 ? [] : left.splice(next, 1);
      return taken && (() => Promise.resolve(errorAnswer(action, taken.fault)));
    };
    return left;
  }

  /** Answers these calls with their faults, until `heal`. */
  answerAlways(faults: (Calls & { fault: Fault })[]): void {
    this.handlingOf = (call) => {
      const found = faults.find((some) => includes(some, call));
      return found && (() => Promise.resolve(errorAnswer(call.action, found.fault)));
    };
  }

  /** Never answers these calls, and does not pass them on. Resolves when each has come. */
  hold(...calls: Calls[]): Promise<void> {
    return this.keep(calls, () => Promise.resolve());
  }

  /** Passes these calls on, and keeps the answers. Resolves when the emulator has done each. */
  holdAnswer(...calls: Calls[]): Promise<void> {
    return this.keep(calls, async (pass) => {
      await pass();
    });
  }

  /** Waits for something before it passes on these calls, until `heal`. */
  before(calls: Calls, work: () => Promise<void>): void {
    this.handlingOf = (call) =>
      includes(calls, call)
        ? async (pass) => {
            await work();
            return await pass();
          }
        : undefined;
  }

  /** Passes everything on again. */
  heal(): void {
    this.handlingOf = () => undefined;
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private keep(calls: Calls[], before: (pass: () => Promise<Answer>) => Promise<void>): Promise<void> {
    return new Promise((allKept) => {
      const left = new Set(calls);
      this.handlingOf = (call) => {
        const kept = calls.find((some) => includes(some, call));
        return (
          kept &&
          (async (pass) => {
            await before(pass);
            left.delete(kept);
            if (left.size === 0) allKept();
            return new Promise<never>(() => undefined);
          })
        );
      };
    });
  }

  private async answer(asked: IncomingMessage, body: Buffer): Promise<Answer> {
    const isForm = asked.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
    const text = isForm ? String(new URLSearchParams(body.toString())) : body.toString();
    const action = actionOf(asked, text);
    this.calls.push(action);
    this.texts.push(text);
    const pass = () => passOn(this.emulator, asked, body);
    return await (this.handlingOf({ action, text })?.(pass) ?? pass());
  }
}

function includes({ action, saying = "" }: Calls, call: Call): boolean {
  return call.action === action && call.text.includes(saying);
}

/** The query protocol says it in the body, JSON 1.1 in a header, S3 and Lambda in method and path. */
function actionOf({ method = "", url = "", headers }: IncomingMessage, text: string): string {
  const service =
    /Credential=[^/]+\/[^/]+\/[^/]+\/([^/]+)/.exec(headers.authorization ?? "")?.[1] ?? "unknown";
  const target = headers["x-amz-target"]?.toString().split(".").at(-1);
  const action = /(?:^|&)Action=(\w+)/.exec(text)?.[1];
  if (service === "s3" && method === "PUT" && /^\/[^/?]+\/?(\?x-id=\w+)?$/.test(url))
    return "s3 CreateBucket";
  if (service === "lambda" && url.split("?")[0]?.endsWith("/invocations") === true) return "lambda Invoke";
  return `${service} ${target ?? action ?? `${method} ${url}`}`;
}

/** An error as the service of the call writes it. */
export function errorAnswer(action: string, { status, code, message }: Fault): Answer {
  const id = "00000000-0000-4000-8000-000000000000";
  const service = action.split(" ")[0];
  if (["ssm", "lambda", "logs"].includes(service ?? "")) {
    const body = Buffer.from(JSON.stringify({ __type: code, message }));
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": id };
    return { status, headers, body };
  }
  const error = `<Code>${code}</Code><Message>${message}</Message>`;
  const xml =
    service === "s3"
      ? `<Error>${error}<RequestId>${id}</RequestId><HostId>host</HostId></Error>`
      : service === "autoscaling"
        ? `<ErrorResponse><Error>${error}</Error><RequestId>${id}</RequestId></ErrorResponse>`
        : `<Response><Errors><Error>${error}</Error></Errors><RequestID>${id}</RequestID></Response>`;
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`);
  return { status, headers: { "content-type": "application/xml", "x-amz-request-id": id }, body };
}
