import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { bastionReportSchema, lastReport } from "../cli/fleet/reports";
import { lastReportEvent } from "../sweep/last-report";
import { startHttpServer, type HttpServer } from "./tools/http-server";

const logGroup = "/fleet/test/bastion";
const bastion = "i-0b01";
const now = new Date(Date.UTC(2026, 10, 28, 12, 1));
const event = {
  timestamp: Date.UTC(2026, 10, 28, 12),
  ingestionTime: Date.UTC(2026, 10, 28, 12, 0, 1),
  message: JSON.stringify({
    state: "running",
    configuration: null,
    configurationSha256: null,
    machines: [{ name: "runner-1", job: 7 }],
  }),
};

interface Page {
  events: (typeof event)[];
  nextBackwardToken: string;
}

describe("the last report of a machine", () => {
  let server: HttpServer;
  let logs: CloudWatchLogsClient;
  /** What CloudWatch answers by token, the first one without; undefined: there is no such stream. */
  let pages: Record<string, Page> | undefined;
  const asked: unknown[] = [];

  beforeAll(async () => {
    server = await startHttpServer((request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", () => {
        const input = JSON.parse(body) as { nextToken?: string };
        asked.push(input);
        response.setHeader("Content-Type", "application/x-amz-json-1.1");
        if (pages === undefined) response.statusCode = 400;
        const missing = { __type: "ResourceNotFoundException", message: "no such stream" };
        response.end(JSON.stringify(pages?.[input.nextToken ?? ""] ?? missing));
      });
    });
    const credentials = { accessKeyId: "emulator", secretAccessKey: "emulator" };
    logs = new CloudWatchLogsClient({ region: "eu-west-1", endpoint: server.url, credentials });
  });

  beforeEach(() => {
    asked.length = 0;
  });

  afterAll(async () => {
    logs.destroy();
    await server.stop();
  });

  describe("behind an empty page with a next token", () => {
    beforeEach(() => {
      pages = {
        "": { events: [], nextBackwardToken: "b/1" },
        "b/1": { events: [event], nextBackwardToken: "b/2" },
      };
    });

    it("is found", async () => {
      expect(await lastReportEvent(logs, logGroup, bastion, now)).toEqual(event);
      // Up to five minutes: one from later is of a wrong clock.
      const endTime = Date.UTC(2026, 10, 28, 12, 6);
      const stream = { logGroupName: logGroup, logStreamName: "i-0b01.report", endTime, limit: 1 };
      expect(asked).toEqual([stream, { ...stream, nextToken: "b/1" }]);
    });

    it("is found by the operator's command", async () => {
      expect(await lastReport(logs, logGroup, bastion, bastionReportSchema)).toEqual({
        at: new Date(event.timestamp),
        received: new Date(event.ingestionTime),
        report: JSON.parse(event.message) as unknown,
      });
    });
  });

  it("is none where the pages come to an end without one", async () => {
    pages = {
      "": { events: [], nextBackwardToken: "b/1" },
      "b/1": { events: [], nextBackwardToken: "b/1" },
    };
    expect(await lastReportEvent(logs, logGroup, bastion, now)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it("is none where there is no such stream", async () => {
    pages = undefined;
    expect(await lastReportEvent(logs, logGroup, bastion, now)).toBeUndefined();
  });
});
