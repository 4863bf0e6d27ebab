import type { IncomingMessage, ServerResponse } from "http";
import { setTimeout } from "timers/promises";

/** What a job does. */
export interface JobArgs {
  /** Lines of shell. */
  script: string[];
  /** Token of the runner that may have it. Default: any. */
  token?: string;
  /** Default: the runner's. */
  image?: string;
  /** Paths below the project's folder that the next job with the same key finds. Default: none. */
  cache?: { key: string; paths: string[] };
}

/** A change of a job's state, as the runner reported it. */
export interface JobReport {
  /** Milliseconds of the clock. */
  at: number;
  state: string;
  failureReason: string | undefined;
}

/** A job, and all that was heard of it. */
export interface Job extends Omit<JobArgs, "token"> {
  id: number;
  token: string;
  /** Milliseconds of the clock, as the others are. */
  queuedAt: number;
  /** When it was handed out, and to which token. */
  takenAt?: number;
  takenBy?: string;
  /** When its log began to say something of the script. */
  trace: string;
  /** When each piece of its log came. */
  pieces: { at: number; end: number }[];
  reports: JobReport[];
}

const finalStates = ["success", "failed", "canceled"];

interface RunnerRequest {
  token: string;
  state: string;
  failure_reason?: string;
}

/** GitLab's API as far as runners use it. Any token may have jobs, unless it was rejected. */
export class GitLab {
  readonly jobs: Job[] = [];
  /** How often each token asked for a job. */
  readonly asked = new Map<string, number>();
  private readonly waiting: { job: Job; runner: string | undefined }[] = [];
  private readonly rejected = new Set<string>();

  /** Puts a job into the queue. */
  queue({ token: runner, ...args }: JobArgs): Job {
    const id = this.jobs.length + 1;
    const heard = { queuedAt: Date.now(), trace: "", pieces: [], reports: [] };
    const job: Job = { ...args, id, token: `job-token-${id}`, ...heard };
    this.jobs.push(job);
    this.waiting.push({ job, runner });
    return job;
  }

  /** From now on a token is as one that was deleted. */
  reject(token: string): void {
    this.rejected.add(token);
  }

  /** Jobs that have been handed out, and have not ended. */
  get running(): Job[] {
    return this.jobs.filter((job) => job.takenAt !== undefined && !endOf(job));
  }

  /** Waits for the end of a job. Returns how it ended, or `undefined` when it has not. */
  async end(job: Job, seconds = 120): Promise<string | undefined> {
    await eventually(() => endOf(job) !== undefined, seconds);
    return endOf(job)?.state;
  }

  /** Waits until a job's log has a text, and fails when it does not get it. */
  async said(job: Job, text: string, seconds = 120): Promise<void> {
    if (!(await eventually(() => job.trace.includes(text), seconds))) {
      throw new Error(
        `The job's log has no "${text}" after ${seconds} s, but ends: ${job.trace.slice(-600)}`,
      );
    }
  }

  /** Answers a runner. */
  readonly answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const [, path = ""] = /^\/api\/v4\/(.*)$/.exec(request.url ?? "") ?? [];
    const [, id = ""] = /^jobs\/(\d+)/.exec(path) ?? [];
    const job = this.jobs[Number(id) - 1];
    const reply = (status: number, answer?: object, headers: Record<string, string> = {}) => {
      const text = answer === undefined ? "" : JSON.stringify(answer);
      response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(text);
    };
    const question = `${request.method ?? ""} ${path.replace(/\d+/, "N").replace(/\?.*$/, "")}`;
    const said = () => JSON.parse(body) as RunnerRequest;
    if (question === "POST runners/verify") {
      const { token } = said();
      if (this.rejected.has(token)) reply(403);
      else reply(200, { id: 1, token, token_expires_at: null });
    } else if (question === "POST jobs/request") {
      const { token } = said();
      this.asked.set(token, (this.asked.get(token) ?? 0) + 1);
      if (this.rejected.has(token)) {
        reply(403);
        return;
      }
      const place = this.waiting.findIndex(({ runner = token }) => runner === token);
      const next = place < 0 ? undefined : this.waiting.splice(place, 1)[0]?.job;
      if (!next) {
        reply(204);
        return;
      }
      next.takenAt = Date.now();
      next.takenBy = token;
      reply(201, payloadOf(next));
    } else if (question === "PATCH jobs/N/trace" && job) {
      const start = Number(/^(\d+)-/.exec(String(request.headers["content-range"]))?.[1]);
      if (start !== job.trace.length) {
        reply(416, undefined, { Range: `0-${job.trace.length}` });
        return;
      }
      job.trace += body;
      job.pieces.push({ at: Date.now(), end: job.trace.length });
      reply(202, undefined, { Range: `0-${job.trace.length}`, "Job-Status": endOf(job)?.state ?? "running" });
    } else if (question === "PUT jobs/N" && job) {
      const { state, failure_reason: failureReason } = said();
      // Keep-alive updates say "running" again and again.
      if (state !== job.reports.at(-1)?.state || finalStates.includes(state)) {
        job.reports.push({ at: Date.now(), state, failureReason });
      }
      reply(200);
    } else {
      reply(404);
    }
  };
}

/** How a job ended, if it has. */
export function endOf(job: Job): JobReport | undefined {
  return job.reports.find(({ state }) => finalStates.includes(state));
}

/** The machine that a job ran on, by what its log says. */
export function machineOf({ trace }: Job): string | undefined {
  return / via ([^\s]+)\.\.\./.exec(trace)?.[1];
}

/** The most jobs that ran at the same time. */
export function mostAtOnce(jobs: Job[]): number {
  const runningAt = (at: number) =>
    jobs.filter((job) => (job.takenAt ?? Infinity) <= at && (endOf(job)?.at ?? Infinity) > at).length;
  return Math.max(...jobs.map(({ takenAt = 0 }) => runningAt(takenAt)));
}

/** Looks at a thing until it is true. Returns whether it has become so in time. */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  seconds: number,
): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) return false;
    await setTimeout(100);
  }
  return true;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("latin1");
}

/** @see https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/common/spec/spec.go */
function payloadOf({ id, token, script, image, cache }: Job): object {
  const variables = {
    CI: "true",
    CI_PROJECT_ID: "1",
    CI_PROJECT_DIR: "/builds/project",
    CI_BUILDS_DIR: "/builds",
    CI_JOB_ID: id.toString(),
    CI_JOB_TOKEN: token,
    GIT_STRATEGY: "none",
  };
  return {
    id,
    token,
    allow_git_fetch: true,
    job_info: { name: `job-${id}`, stage: "test", project_id: 1, project_name: "project" },
    git_info: {
      repo_url: "https://gitlab.example.com/group/project.git",
      ref: "main",
      sha: "0".repeat(40),
      before_sha: "0".repeat(40),
      ref_type: "branch",
      refspecs: [],
      depth: 1,
    },
    runner_info: { timeout: 600 },
    variables: Object.entries(variables).map(([key, value]) => ({ key, value, public: true })),
    steps: [{ name: "script", script, timeout: 600, when: "on_success", allow_failure: false }],
    ...(image !== undefined && { image: { name: image } }),
    services: [],
    artifacts: [],
    cache: cache ? [{ ...cache, untracked: false, policy: "pull-push", when: "on_success" }] : [],
    credentials: [],
    dependencies: [],
    features: { trace_sections: true },
  };
}
