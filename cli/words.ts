import type { FleetCost, MachineCost } from "./cost";

/** `$12.30`, or `unknown`. */
const usd = (amount: number | undefined, digits = 2): string =>
  amount === undefined ? "unknown" : `$${amount.toFixed(digits)}`;

/** `22/tcp`, or `all`. */
export const portText = (port: string, protocol: string): string =>
  port === "all" ? "all" : `${port}/${protocol}`;

/** What the fleet costs a month without jobs, e.g. `$12.30`; `at least $12.30` or `unknown` when prices are missing. */
export function totalText({ monthly, unknown }: FleetCost): string {
  if (unknown.length === 0) return usd(monthly);
  return monthly === 0 ? "unknown" : `at least ${usd(monthly)}`;
}

/** Each part of the total: what, how much of it, USD a month. */
export function costRows({ fixed, workers }: FleetCost): [what: string, basis: string, monthly: string][] {
  return [
    ...fixed.map(({ what, basis, monthly }): [string, string, string] => [what, basis, usd(monthly)]),
    ...workers
      .filter(({ idleHours }) => idleHours > 0)
      .map(({ runner, idleHours, spot, hourly, idleMonthly }): [string, string, string] => {
        const price = hourly === undefined ? "price unknown" : `${spot ? "at most " : ""}${usd(hourly, 4)}`;
        return [`idle machines of ${runner}`, `${idleHours.toFixed(1)} h × ${price}`, usd(idleMonthly)];
      }),
  ];
}

/** What jobs add: what, and its price. */
export function usageRows({ workers, usage }: FleetCost): [what: string, price: string][] {
  const price = (amount: number | undefined, unit: string) =>
    amount === undefined ? "unknown" : `${usd(amount, 4)} a${unit.startsWith("h") ? "n" : ""} ${unit}`;
  const machine = (what: string, { instanceType, spot, hourly }: MachineCost): [string, string] => [
    `${what}, ${instanceType}`,
    `${spot && hourly !== undefined ? "at most " : ""}${price(hourly, "hour")}`,
  ];
  return [
    ...workers.flatMap(({ runner, fallbacks, ...first }) => [
      machine(`a machine of ${runner}`, first),
      ...fallbacks.map((fallback) => machine(`a fallback of ${runner}`, fallback)),
    ]),
    ...usage.map((item): [string, string] => [item.what, price(item.price, item.unit)]),
  ];
}
