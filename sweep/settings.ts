/** Seconds in which a new bastion comes to work, before the old one drains: it does within a few minutes, or never. */
export const successorTime = 600;

/** Seconds of an invocation that are left for its answer. */
export const answerTime = 60;

/** What the function is told by its environment. */
export interface Settings {
  /** Tag `fleet-id` of everything that is the fleet's. */
  fleetId: string;
  /** Instance profile of the fleet's workers: an instance that has it is one of them. */
  workerProfileArn: string;
  /** Log group with the bastions' reports. */
  bastionLogGroup: string;
  /** SSM parameter with the ids of bastions that shall drain. */
  drainParameter: string;
  /** Seconds in which jobs may finish when a bastion goes. */
  drainTimeout: number;
  /** Some runner asks for spot instances. */
  spot: boolean;
  /** ARN of the function itself. */
  functionArn: string;
}

/**
 * @param environment variables that the component `Sweep` sets
 * @throws Error that names the variable that is missing.
 */
export function readSettings(environment: NodeJS.ProcessEnv, functionArn: string): Settings {
  const read = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === "") throw new Error(`the variable ${name} is not set`);
    return value;
  };
  return {
    fleetId: read("FLEET_ID"),
    workerProfileArn: read("WORKER_PROFILE_ARN"),
    bastionLogGroup: read("BASTION_LOG_GROUP"),
    drainParameter: read("DRAIN_PARAMETER"),
    drainTimeout: Number(read("DRAIN_TIMEOUT")),
    spot: read("SPOT") === "true",
    functionArn,
  };
}
