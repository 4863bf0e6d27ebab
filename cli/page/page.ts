import { readFileSync } from "node:fs";
import { join } from "node:path";
import { countTypes, shortType, type FleetPlan } from "../fleet-plan";
import { fleetNetwork } from "../network";
import { idleHoursPerWeek } from "../schedule";
import { totalText } from "../words";
import { artefactSection } from "./artefact-section";
import { markup, Markup } from "./markup";
import { networkPicture } from "./network-picture";
import { costTables, permissionTables, portsTable } from "./tables";
import { weekPicture } from "./week-picture";

interface Section {
  id: string;
  title: string;
  content: Markup;
}

const style = new Markup(readFileSync(join(__dirname, "page.css"), "utf8"));

// Without scripts the table simply shows everything.
const filterScript = new Markup(`
const select = document.querySelector("#type");
select.addEventListener("change", () => {
  for (const row of document.querySelectorAll("#resources tbody tr")) {
    row.hidden = select.value !== "" && row.dataset.type !== select.value;
  }
});
`);

/** The plan as one page that needs nothing else: no server, no network, no script. */
export function planPage(plan: FleetPlan): Markup {
  const { project, stack, region } = plan;
  const sections: Section[] = [
    { id: "network", title: "Network", content: networkSection(plan) },
    { id: "schedule", title: "Schedule", content: scheduleSection(plan) },
    { id: "ports", title: "Open ports", content: portsTable(plan) },
    { id: "permissions", title: "Permissions", content: permissionTables(plan) },
    { id: "cost", title: "Cost a month", content: costTables(plan) },
    { id: "files", title: "Files", content: artefactSection(plan.artefacts) },
    { id: "resources", title: "Resources", content: resourceSection(plan) },
  ];
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${project}, stack ${stack}</title>
<style>
${style}</style>
</head>
<body>
<div class="layout">
<nav aria-label="On this page"><ul>${sections.map(
    ({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav>
<main>
<header>
<h1>${project} <span class="soft">${stack}</span></h1>
<p class="lead">What <code>pulumi up</code> would make in ${region}, worked out without an AWS account.</p>
${figures(plan)}
${notice("Warnings", plan.warnings, "notice warn")}
${notice("Secrets to set before pulumi up", plan.missingSecrets, "notice")}
</header>
${sections.map(
  ({ id, title, content }) => markup`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}
</section>
`,
)}
<footer>Names in &lt;angle brackets&gt; are known to AWS alone until the stack is made; secrets are never shown.</footer>
</main>
</div>
<script>${filterScript}</script>
</body>
</html>
`;
}

function figures({ resources, runners, ports, cost }: FleetPlan): Markup {
  const fromOutside = ports.filter(({ from }) => from === "anywhere").length;
  const facts: [label: string, value: string][] = [
    ["a month without jobs", totalText(cost)],
    ["resources", String(resources.length)],
    [runners.length === 1 ? "runner" : "runners", String(runners.length)],
    ["ports open to the internet", String(fromOutside)],
  ];
  return markup`<dl class="figures">${facts.map(
    ([label, value]) => markup`<div><dt>${label}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

const notice = (title: string, items: string[], kind: string): Markup =>
  items.length === 0
    ? markup``
    : markup`<div class="${kind}"><h2>${title}</h2><ul>${items.map((item) => markup`<li>${item}</li>`)}</ul></div>`;

const networkSection = (plan: FleetPlan): Markup =>
  markup`<div class="wide">${networkPicture(fleetNetwork(plan))}</div>`;

function scheduleSection({ runners }: FleetPlan): Markup {
  return markup`<p class="soft">How many machines wait for jobs at each hour of a week. Jobs beyond them wait for a new machine.</p>${runners.map(
    (runner) => {
      const { name, limit, week } = runner;
      const most = limit > 0 ? `, at most ${limit} machines at once` : "";
      const hours = idleHoursPerWeek(week);
      return markup`<figure>
<figcaption><strong>${name}</strong> <span class="soft">${hours} idle machine-hours a week${most}; ${week.timezone}</span></figcaption>
<div class="wide">${weekPicture(runner)}</div>
${week.notes.map((note) => markup`<p class="soft">${note}</p>`)}
</figure>`;
    },
  )}`;
}

function resourceSection({ resources }: FleetPlan): Markup {
  const nameOf = (key: string | undefined) => key?.split("::").at(-1) ?? "";
  return markup`<p class="filter"><label>Type <select id="type"><option value="">all ${resources.length}</option>${countTypes(
    resources,
  ).map(([type, count]) => markup`<option value="${type}">${type} (${count})</option>`)}</select></label></p>
<div class="wide"><table>
<thead><tr><th>Name</th><th>Type</th><th>Part of</th></tr></thead>
<tbody>${resources.map(({ type, name, parent }) => {
    const short = shortType(type);
    return markup`<tr data-type="${short}"><td>${name}</td><td><code>${short}</code></td><td class="soft">${nameOf(parent)}</td></tr>`;
  })}</tbody>
</table></div>
<p class="soft"><a href="resources.json">resources.json</a> holds all their inputs.</p>`;
}
