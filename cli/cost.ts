import { alwaysOnMachines, type Machine } from "./machines";
import { monitoringParts } from "./monitoring-cost";
import { pricesOf, type RegionPrices } from "./prices";
import { numberAt, ofType, sortResources, textAt, type PlannedResource } from "./resources";
import type { PlannedRunner } from "./runners";

/** Hours in a month, as AWS's price pages count. */
export const hoursInMonth = 730;

const hoursInWeek = 168;

/** Something that costs the same every month. */
export interface FixedCost {
  what: string;
  /** How much of it, e.g. `730 h × $0.0126`. */
  basis: string;
  /** USD; undefined when its price is unknown. */
  monthly: number | undefined;
}

/** What a machine costs. */
export interface MachineCost {
  instanceType: string;
  /** USD an hour with its volume and address; undefined when a price is unknown. With spot the most it can be. */
  hourly: number | undefined;
  spot: boolean;
}

/** What a runner's machines cost. */
export interface WorkerCost extends MachineCost {
  runner: string;
  /** What it asks for when EC2 has no such machine. */
  fallbacks: MachineCost[];
  /** Hours that idle machines run in a month of the schedule, all together. */
  idleHours: number;
  /** USD of these hours. */
  idleMonthly: number | undefined;
}

/** Something whose amount depends on the jobs. */
export interface UsagePrice {
  what: string;
  unit: string;
  /** USD; undefined when unknown. */
  price: number | undefined;
}

/** What a fleet costs. */
export interface FleetCost {
  region: string;
  fixed: FixedCost[];
  workers: WorkerCost[];
  usage: UsagePrice[];
  /** USD a month of everything above whose price is known, without jobs. */
  monthly: number;
  /** What `monthly` lacks, because its price is unknown. */
  unknown: string[];
}

/** A runner and its machine-hours without work in one week. */
export interface RunnerHours {
  runner: PlannedRunner;
  idleHoursPerWeek: number;
}

/** Counts the cost of a fleet in a region. Jobs are left out: nobody knows them before they come. */
export function fleetCost(resources: PlannedResource[], runners: RunnerHours[], region: string): FleetCost {
  const prices = pricesOf(region);
  const sorted = sortResources(resources);
  const fixed = [
    ...alwaysOnMachines(sorted).flatMap((machine) => machineCosts(machine, prices)),
    ...ofType(sorted, "aws:ebs/volume:Volume").map(({ name, inputs }) =>
      volumeCost(`${name} volume`, numberAt(inputs, "size"), textAt(inputs, "type"), prices),
    ),
    ...countedCosts(sorted, prices),
  ];
  const workers = runners.map((runner) => workerCost(runner, prices));
  const known = [...fixed.map(({ monthly }) => monthly), ...workers.map(({ idleMonthly }) => idleMonthly)];
  return {
    region,
    fixed,
    workers,
    usage: usagePrices(sorted, prices),
    monthly: cents(known.reduce<number>((sum, cost) => sum + (cost ?? 0), 0)),
    unknown: [
      ...fixed.filter(({ monthly }) => monthly === undefined).map(({ what }) => what),
      ...workers
        .filter(({ idleMonthly }) => idleMonthly === undefined)
        .map(({ runner }) => `idle machines of ${runner}`),
    ],
  };
}

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** Rounded to a cent, so that a column adds up to its sum. */
const cents = (usd: number): number => rounded(usd, 2);

const times = (amount: number, price: number | undefined): number | undefined =>
  price === undefined ? undefined : cents(amount * price);

const dollars = (price: number | undefined): string => (price === undefined ? "price unknown" : `$${price}`);

function machineCosts(machine: Machine, prices: Partial<RegionPrices>): FixedCost[] {
  const { name, instanceType, rootVolume, isPublic } = machine;
  const hour = prices.instanceHour?.[instanceType];
  const costs = [
    {
      what: `${name}, ${instanceType}`,
      basis: `${hoursInMonth} h × ${dollars(hour)}`,
      monthly: times(hoursInMonth, hour),
    },
    volumeCost(`${name} root volume`, rootVolume.size, rootVolume.type, prices),
  ];
  if (isPublic) {
    const address = prices.publicAddressHour;
    costs.push({
      what: `${name} public IPv4 address`,
      basis: `${hoursInMonth} h × ${dollars(address)}`,
      monthly: times(hoursInMonth, address),
    });
  }
  return costs;
}

function volumeCost(
  what: string,
  size: number | undefined,
  type: string | undefined,
  prices: Partial<RegionPrices>,
): FixedCost {
  const price = type === "gp3" ? prices.gp3GigabyteMonth : undefined;
  if (size === undefined) return { what, basis: "size unknown", monthly: undefined };
  return { what, basis: `${size} GB ${type ?? ""} × ${dollars(price)}`, monthly: times(size, price) };
}

/** What costs by the piece. */
function countedCosts(resources: PlannedResource[], prices: Partial<RegionPrices>): FixedCost[] {
  const hourly = (what: string, count: number, hour: number | undefined): FixedCost => ({
    what: plural(what, count),
    basis: `${count} × ${hoursInMonth} h × ${dollars(hour)}`,
    monthly: times(count * hoursInMonth, hour),
  });
  const monthly = (what: string, count: number, month: number | undefined): FixedCost => ({
    what: plural(what, count),
    basis: `${count} × ${dollars(month)}`,
    monthly: times(count, month),
  });
  const count = (type: string) => ofType(resources, type).length;
  const advancedParameters = ofType(resources, "aws:ssm/parameter:Parameter").filter(({ inputs }) => {
    const text = textAt(inputs, "insecureValue") ?? "";
    return textAt(inputs, "tier") === "Advanced" || Buffer.byteLength(text) > 4096;
  }).length;
  return [
    {
      count: count("aws:ec2/natGateway:NatGateway"),
      make: hourly,
      what: "NAT gateway",
      price: prices.natGatewayHour,
    },
    {
      count: count("aws:ec2/eip:Eip"),
      make: hourly,
      what: "NAT gateway address",
      price: prices.publicAddressHour,
    },
    {
      count: count("aws:route53/zone:Zone"),
      make: monthly,
      what: "private DNS zone",
      price: prices.hostedZoneMonth,
    },
    {
      count: advancedParameters,
      make: monthly,
      what: "advanced SSM parameter",
      price: prices.advancedParameterMonth,
    },
    ...monitoringParts(resources, prices, hoursInMonth).map((part) => ({ ...part, make: monthly })),
  ].flatMap(({ count, make, what, price }) => (count > 0 ? [make(what, count, price)] : []));
}

const plural = (what: string, count: number): string =>
  count === 1 ? what : `${what}${what.endsWith("s") ? "es" : "s"}`;

function workerCost({ runner, idleHoursPerWeek }: RunnerHours, prices: Partial<RegionPrices>): WorkerCost {
  const machine = machineCost(runner, prices);
  // Rounded as they are shown, so that a reader can check the product.
  const idleHours = rounded((idleHoursPerWeek * hoursInMonth) / hoursInWeek, 1);
  return {
    runner: runner.name,
    ...machine,
    fallbacks: runner.fallbacks.map((fallback) => machineCost({ ...runner, ...fallback }, prices)),
    idleHours,
    idleMonthly: idleHours === 0 ? 0 : times(idleHours, machine.hourly),
  };
}

function machineCost(runner: PlannedRunner, prices: Partial<RegionPrices>): MachineCost {
  const { instanceType, spot } = runner;
  return { instanceType, hourly: workerHour(runner, prices), spot: spot !== undefined };
}

/** An hour of a worker with its root volume and address; of a spot instance what it costs at its cap. */
function workerHour(runner: PlannedRunner, prices: Partial<RegionPrices>): number | undefined {
  const onDemand = prices.instanceHour?.[runner.instanceType];
  const cap = runner.spot?.maxPrice;
  const instance = cap === undefined || onDemand === undefined ? (cap ?? onDemand) : Math.min(cap, onDemand);
  const { gp3GigabyteMonth, publicAddressHour } = prices;
  if (instance === undefined || gp3GigabyteMonth === undefined || publicAddressHour === undefined)
    return undefined;
  const volume = (runner.rootVolumeSize * gp3GigabyteMonth) / hoursInMonth;
  return rounded(instance + volume + (runner.publicAddress ? publicAddressHour : 0), 4);
}

function usagePrices(resources: PlannedResource[], prices: Partial<RegionPrices>): UsagePrice[] {
  const usage: UsagePrice[] = [];
  if (ofType(resources, "aws:s3/bucket:Bucket").length > 0) {
    usage.push({ what: "distributed cache", unit: "GB and month", price: prices.s3GigabyteMonth });
  }
  if (ofType(resources, "aws:ec2/natGateway:NatGateway").length > 0) {
    usage.push({ what: "traffic through a NAT gateway", unit: "GB", price: prices.natGatewayGigabyte });
  }
  if (ofType(resources, "aws:cloudwatch/logGroup:LogGroup").length > 0) {
    usage.push(
      { what: "logs", unit: "GB", price: prices.logGigabyte },
      { what: "logs that are kept", unit: "GB and month", price: prices.logGigabyteMonth },
    );
  }
  return usage;
}
