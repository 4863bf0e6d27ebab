/** An EC2 instance, as far as the sweep looks at it. */
export interface Instance {
  id: string;
  /** `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`. */
  state: string;
  launchedAt: Date;
  profileArn?: string;
  /** docker-machine gives a machine's key pair the machine's name. */
  keyName?: string;
  tags: Partial<Record<string, string>>;
}

/** An instance of one of the fleet's Auto Scaling groups. */
export interface Bastion {
  id: string;
  state: string;
  group: string;
}

/** What a bastion said of itself last. */
export interface Report {
  at: Date;
  /** `running`, `draining`, `drained` or `stopped`. */
  state: string;
  /** Names of the machines in docker-machine's store. */
  machines: string[];
}

/** A key pair of the account. */
export interface KeyPair {
  name: string;
  createdAt: Date;
}

/** A spot request of the account. */
export interface SpotRequest {
  id: string;
  /** `open`, `active`, `closed`, `cancelled` or `failed`. */
  state: string;
  createdAt: Date;
  profileArn?: string;
  instanceId?: string;
}

/** What was there at a time. There may be more in it than is the fleet's: who decides looks closely. */
export interface Snapshot {
  at: Date;
  fleetId: string;
  workerProfileArn: string;
  /** Workers, bastions, and all others that workers, key pairs and spot requests name. */
  instances: Instance[];
  /** By the bastion's id; absent where there is none. */
  reports: Map<string, Report>;
  keyPairs: KeyPair[];
  spotRequests: SpotRequest[];
}
