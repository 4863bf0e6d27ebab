import type { WorkerCost } from "./cost";

/** `$12.30`, or `unknown`. */
export const usd = (amount: number | undefined, digits = 2): string =>
  amount === undefined ? "unknown" : `$${amount.toFixed(digits)}`;

/** `22/tcp`, or `all`. */
export const portText = (port: string, protocol: string): string =>
  port === "all" ? "all" : `${port}/${protocol}`;

/** E.g. `120.0 h × $0.1100`. */
export const idleBasis = (worker: WorkerCost): string =>
  `${worker.idleHours.toFixed(1)} h × ${worker.spot ? "at most " : ""}${usd(worker.hourly, 4)}`;

/** E.g. `at most $0.1100 an hour`. */
export const hourText = ({ hourly, spot }: WorkerCost): string =>
  hourly === undefined ? "unknown" : `${spot ? "at most " : ""}${usd(hourly, 4)} an hour`;
