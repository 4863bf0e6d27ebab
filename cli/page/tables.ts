import type { FleetPlan } from "../fleet-plan";
import type { Permission } from "../permissions";
import { pricesAsOf, pricesSource } from "../prices";
import { costRows, portText, totalText, usageRows } from "../words";
import { markup, type Markup } from "./markup";

/** Every way that the security groups leave open. */
export function portsTable({ ports }: FleetPlan): Markup {
  return markup`<div class="wide"><table>
<thead><tr><th>From</th><th>To</th><th>Port</th><th>Why</th></tr></thead>
<tbody>${ports.map(
    ({ from, to, port, protocol, why }) =>
      markup`<tr><td class="name">${from}</td><td class="name">${to}</td><td class="name">${portText(port, protocol)}</td><td>${why}</td></tr>`,
  )}</tbody>
</table></div>`;
}

/** Every statement of every policy, under who it is for. */
export function permissionTables({ permissions, managedPolicies }: FleetPlan): Markup {
  const titles: [kind: Permission["kind"], title: (who: string) => string][] = [
    ["permissions", (who) => `What ${who} may do`],
    ["resource", (who) => `What ${who} lets through`],
    ["trust", () => "Who may take a role"],
  ];
  return markup`${titles.map(([kind, title]) => {
    const statements = permissions.filter((permission) => permission.kind === kind);
    const groups = [...new Set(statements.map(({ who }) => title(who)))].sort();
    return groups.map(
      (group) =>
        markup`<h3>${group}</h3>${permissionTable(statements.filter(({ who }) => title(who) === group))}`,
    );
  })}${
    managedPolicies.length > 0 &&
    markup`<h3>AWS’s own policies</h3><ul>${managedPolicies.map(
      ({ who, arn }) => markup`<li>${who}: <code>${arn}</code></li>`,
    )}</ul>`
  }`;
}

function permissionTable(statements: Permission[]): Markup {
  const codes = (items: string[]) =>
    markup`<ul>${items.map((item) => markup`<li><code>${item}</code></li>`)}</ul>`;
  return markup`<div class="wide"><table class="statements">
<thead><tr><th>What for</th><th>Actions</th><th>On</th><th>Only if</th></tr></thead>
<tbody>${statements.map(
    ({ effect, purpose, who, kind, principals, actions, resources, conditions, file }) => markup`<tr>
<td>${effect === "Deny" && markup`<span class="deny">Deny</span> `}<a href="policies/${file}.json">${purpose}</a>${
      principals.length > 0 && markup`<br><span class="soft">${principals.join(", ")}</span>`
    }</td>
<td>${codes(actions)}</td><td>${codes(kind === "trust" ? [who] : resources)}</td><td>${
      conditions.length > 0 ? codes(conditions) : markup`<span class="soft">always</span>`
    }</td></tr>`,
  )}</tbody>
</table></div>`;
}

/** What the fleet costs without jobs, and what jobs add. */
export function costTables({ cost }: FleetPlan): Markup {
  return markup`<div class="wide"><table>
<thead><tr><th>What</th><th>How much</th><th class="number">USD a month</th></tr></thead>
<tbody>${costRows(cost).map(
    ([what, basis, monthly]) =>
      markup`<tr><td>${what}</td><td class="soft">${basis}</td><td class="number">${monthly}</td></tr>`,
  )}</tbody>
<tfoot><tr><td colspan="2">Total without jobs</td><td class="number">${totalText(cost)}</td></tr></tfoot>
</table></div>
<h3>What jobs add</h3>
<div class="wide"><table>
<thead><tr><th>What</th><th class="number">USD</th></tr></thead>
<tbody>${usageRows(cost).map(
    ([what, price]) => markup`<tr><td>${what}</td><td class="number">${price}</td></tr>`,
  )}</tbody>
</table></div>
<p class="soft">A machine is counted with its volume and address. On-demand prices for Linux in ${cost.region}, without tax, of ${pricesAsOf}. ${pricesSource}.</p>`;
}
