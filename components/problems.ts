import * as pulumi from "@pulumi/pulumi";
import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { hiddenSecret } from "./hidden-secret";
import { pathText } from "./path-text";

/** Something that cannot be: where, and why, what is allowed and what to change. */
export interface Problem {
  /** E.g. `runners[1].autoscaling[0].periods[0]`. */
  path: string;
  reason: string;
}

/** A secret that a stack file needs, and the command that sets it. */
export function missingSecret(path: string, value: string): Problem {
  return { path, reason: `is missing: pulumi config set --secret --path '${path}' ${value}` };
}

/** A stack file with problems. The Pulumi command prints its message without a stack trace. */
export class ConfigError extends pulumi.RunError {
  constructor(stack: string, problems: Problem[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    const lines = problems.map(({ path, reason }) => `  ${path}: ${reason}`);
    super(withoutTokens([`Pulumi.${stack}.yaml has ${count}:`, ...lines].join("\n")));
  }
}

/** A token may stand where it does not belong, in the place of a runner's name, say. */
function withoutTokens(text: string): string {
  return text.replace(/\b(gl[a-z]{1,6}-|GR1348941)[\w.=-]+/g, hiddenSecret);
}

/** Says of an unknown key what to write instead; undefined if it knows no better than a list of the allowed keys. */
export type KeyAdvice = (key: string, path: string) => string | undefined;

const noAdvice: KeyAdvice = () => undefined;

/** A schema without what makes it optional, nullable or gives it a default. */
export function bareSchema(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapped ? bareSchema(schema.def.innerType) : schema;
}

/** Of a union told apart by a key: the option that a value is of. */
function optionOf({ def }: z.ZodDiscriminatedUnion, value: unknown): z.core.$ZodType | undefined {
  const given = valueAt(value, [def.discriminator]);
  return def.options.find((option) => {
    const key: unknown = option instanceof z.ZodObject ? option.shape[def.discriminator] : undefined;
    return key instanceof z.ZodType && key.safeParse(given).success;
  });
}

/** The keys that an object schema has, at a path below another schema and the value that it reads. */
function keysAt(wrapped: z.core.$ZodType, value: unknown, path: readonly PropertyKey[]): string[] {
  const schema = bareSchema(wrapped);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const option = optionOf(schema, value);
    return option ? keysAt(option, value, path) : [];
  }
  const [first, ...rest] = path;
  const inner = first === undefined ? undefined : valueAt(value, [first]);
  if (schema instanceof z.ZodArray) return keysAt(schema.element, inner, rest);
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, inner, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  if (first === undefined) return Object.keys(schema.shape);
  const next: unknown = schema.shape[String(first)];
  return next instanceof z.ZodType ? keysAt(next, inner, rest) : [];
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    input,
  );
}

function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

function unknownKey(key: string, allowed: string[]): string {
  const near = allowed.length > 0 ? closest(key, allowed) : "";
  const isNear =
    near !== "" && distance(key.toLowerCase(), near.toLowerCase()) <= Math.max(2, key.length / 4);
  return `there is no such key; ${isNear ? `did you mean ${near}?` : `there are: ${allowed.join(", ")}`}`;
}

function messageOf(issue: z.core.$ZodIssue, given: unknown): string {
  if (
    issue.code === "invalid_type" &&
    typeof given === "string" &&
    ["int", "number"].includes(issue.expected)
  ) {
    return /^\d+$/.test(given) ? `${issue.message}: remove the quotes` : issue.message;
  }
  if (issue.code === "invalid_type" && issue.message.startsWith("Invalid input")) {
    return `must be ${issue.expected === "array" ? "a list" : issue.expected === "object" || issue.expected === "record" ? "a table of keys" : `a ${issue.expected}`}`;
  }
  return issue.message;
}

function sameProblem(a: Problem, b: Problem): boolean {
  return a.path === b.path && a.reason === b.reason;
}

/** How problems are told. */
export interface ProblemOptions {
  advice?: KeyAdvice;
  /** Whether the value at a path is a secret, or holds one, and must not be shown. */
  isHidden?: (path: readonly PropertyKey[]) => boolean;
}

/** Every issue of a schema as a problem that says what was given. */
export function problemsOf(
  error: z.ZodError,
  input: unknown,
  schema: z.core.$ZodType,
  { advice = noAdvice, isHidden = () => false }: ProblemOptions = {},
): Problem[] {
  const problems = error.issues.flatMap((issue): Problem[] => {
    if (issue.code === "unrecognized_keys") {
      const allowed = keysAt(schema, input, issue.path);
      return issue.keys.map((key) => {
        const path = pathText([...issue.path, key]);
        return { path, reason: advice(key, pathText(issue.path)) ?? unknownKey(key, allowed) };
      });
    }
    if (issue.code === "invalid_key") {
      return issue.issues.map((inner) => ({
        path: pathText(issue.path),
        reason: `the key ${inner.message}`,
      }));
    }
    const path = pathText(issue.path);
    const given = valueAt(input, issue.path);
    const message = messageOf(issue, given);
    if (given === undefined) return [{ path, reason: `is missing; it ${message}` }];
    return [{ path, reason: isHidden(issue.path) ? message : `${shown(given)}: ${message}` }];
  });
  // A refinement may repeat what the pattern before it said.
  return problems.filter((problem, i) => problems.findIndex((other) => sameProblem(problem, other)) === i);
}

/** Accepts a value that is not known yet, or one that the schema accepts. */
export function input(schema: z.ZodType) {
  return z.unknown().superRefine((value, context) => {
    if (pulumi.Output.isInstance(value) || value instanceof Promise) return;
    const { error } = schema.safeParse(value);
    for (const { message, path } of error?.issues ?? []) context.addIssue({ code: "custom", message, path });
  });
}

/**
 * Checks a component's arguments. The component registers without them: a registration waits for all its inputs, and every child waits
 * for it, so that arguments would make one component wait for the whole of another.
 * @throws pulumi.InputPropertiesError with every problem.
 */
export function checkArgs(component: string, schema: z.ZodType, args: unknown): void {
  const { error } = schema.safeParse(args);
  if (!error) return;
  const problems = problemsOf(error, args, schema);
  throw new pulumi.InputPropertiesError({
    message: `${component}: ${problems.map(({ path, reason }) => `${path}: ${reason}`).join("; ")}`,
    errors: problems.map(({ path, reason }) => ({ propertyPath: path, reason })),
  });
}
