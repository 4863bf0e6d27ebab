import { configText } from "../../cli/fleet/config";
import { lineDiff } from "../../cli/fleet/line-diff";
import type { PublishedConfig } from "../../cli/fleet/published-config";
import { bastionReport } from "./fixtures/fleet-status";

const version = (number: number, text: string): PublishedConfig => ({
  version: number,
  published: new Date("2026-11-28T08:00:00.123Z"),
  text,
  sha256: `sha256-of-${number}`,
});
const before = version(6, 'concurrent = 10\ntoken = "@@runner-token/default@@"\n');
const published = version(7, 'concurrent = 20\ntoken = "@@runner-token/default@@"\n');
const running = (configurationSha256: string, configuration: string) =>
  bastionReport({ configurationSha256, configuration });

describe("the configuration", () => {
  it("is the published text, with the bastions that run it", () => {
    const reported = running("sha256-of-7", "ok sha256-of-7");
    expect(configText({ published, bastions: [{ id: "i-1", reported, former: undefined }] })).toBe(
      [
        "# version 7, published 2026-11-28T08:00:00Z",
        "# i-1: in force",
        "",
        "concurrent = 20",
        'token = "@@runner-token/default@@"',
        "",
      ].join("\n"),
    );
  });

  it("comes with what changes, and why it was rejected, where a bastion runs another", () => {
    const reported = running("sha256-of-6", "failed: gitlab-runner rejects config.toml: too many");
    const text = configText({ published, bastions: [{ id: "i-1", reported, former: before }] });
    expect(text.split("\n\n")[0]?.split("\n")).toEqual([
      "# version 7, published 2026-11-28T08:00:00Z",
      "# i-1: rejected: gitlab-runner rejects config.toml: too many",
      "# i-1 runs version 6; what version 7 changes:",
      "#   - concurrent = 10",
      "#   + concurrent = 20",
      '#     token = "@@runner-token/default@@"',
      "#",
    ]);
  });

  it("is unknown of a bastion without a report", () => {
    const bastions = [{ id: "i-1", reported: undefined, former: undefined }];
    expect(configText({ published, bastions })).toContain("# i-1: unknown\n");
  });
});

describe("a difference in lines", () => {
  const lines = (text: string) => text.split("").join("\n");

  it.each([
    { from: "abc", to: "abc", is: "" },
    { from: "abc", to: "axc", is: "  a,- b,+ x,  c" },
    { from: "abc", to: "c", is: "- a,- b,  c" },
    { from: "abcdefgh", to: "abcdefghi", is: "  g,  h,+ i" },
    { from: "1abcdef2", to: "3abcdef4", is: "- 1,+ 3,  a,  b,…,  e,  f,- 2,+ 4" },
    { from: "xaby", to: "abz", is: "- x,  a,  b,- y,+ z" },
  ])("is $is from $from to $to", ({ from, to, is }) => {
    expect(lineDiff(lines(from), lines(to)).join(",")).toBe(is);
  });
});
