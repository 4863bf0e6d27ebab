import { planFiles } from "../../cli/fleet-plan";
import { markup } from "../../cli/page/markup";
import { planPage } from "../../cli/page/page";
import { weekPicture } from "../../cli/page/week-picture";
import { planFixture } from "./helpers/plan";

describe("markup", () => {
  it("escapes whatever is put into it", () => {
    expect(markup`<p title="${`a"b'`}">${"<b> & </b>"}</p>`.text).toBe(
      '<p title="a&quot;b&#39;">&lt;b&gt; &amp; &lt;/b&gt;</p>',
    );
  });

  it("takes markup, lists of it and numbers, and leaves nothing out but nothing", () => {
    expect(markup`${[markup`<i>${1}</i>`, "x"]}${undefined}${false}${0}${""}`.text).toBe("<i>1</i>x0");
  });
});

describe("the page of a plan", () => {
  it("needs nothing from anywhere else", async () => {
    const { text } = planPage(await planFixture());
    expect(text).not.toMatch(/<(link|img|iframe|object|base)\b/);
    expect(text).not.toMatch(/\s(src|srcset|xlink:href)=/);
    expect(text).not.toMatch(/@import|url\((?!#)/);
    expect(text).toContain("default-src 'none'");
  });

  it("links to files that the plan writes, and to sections that it has", async () => {
    const plan = await planFixture();
    const files = planFiles(plan);
    const { text } = planPage(plan);
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !link.startsWith("#") && !files.has(link))).toEqual([]);
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => `#${id}`);
    expect(links.filter((link) => link.startsWith("#") && !ids.includes(link))).toEqual([]);
    expect(links).toEqual(expect.arrayContaining(["#network", "config.toml", "policies/bastion-role.json"]));
  });

  it("shows every artefact's text", async () => {
    const { text } = planPage(await planFixture());
    expect(text).toContain("MachineOptions = [");
    expect(text).toContain("echo sync");
    expect(text).toContain("&quot;sts:AssumeRole&quot;");
  });

  it("cannot be broken by what a stack file says", async () => {
    const plan = await planFixture({ stack: "test", warnings: ["<script>alert(1)</script>"] });
    expect(planPage(plan).text).toContain("<li>&lt;script&gt;alert(1)&lt;/script&gt;</li>");
  });

  it("has no heading for warnings and secrets when there are none", async () => {
    const plan = { ...(await planFixture()), warnings: [] };
    expect(planPage(plan).text).not.toContain("<h2>Warnings</h2>");
    expect(planPage(plan).text).not.toContain("Secrets to set");
  });
});

describe("the picture of a week", () => {
  it("says each stretch of a day in words", async () => {
    const [runner] = (await planFixture()).runners;
    if (!runner) throw new Error("the fixture has a runner");
    const titles = [...weekPicture(runner).text.matchAll(/<title>([^<]+)<\/title>/g)].map(
      ([, title]) => title,
    );
    expect(titles.slice(0, 3)).toEqual([
      "Mon 00:00–08:00: 0 idle machines",
      "Mon 08:00–18:00: 2 idle machines",
      "Mon 18:00–24:00: 0 idle machines",
    ]);
    expect(titles).toHaveLength(5 * 3 + 2);
  });
});
