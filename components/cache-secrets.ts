import type { CredentialKey } from "./cache-credentials";
import { hiddenSecret } from "./hidden-secret";
import { pathText } from "./path-text";
import { missingSecret, type Problem } from "./problems";

/** What secrets hang on: a runner's name, and what its cache needs, where that can be told. */
export interface NamedRunner {
  name: string;
  credentials: readonly CredentialKey[] | undefined;
}

/** What a secret has to be like, and how a command is given it. */
const forms: Record<CredentialKey, { pattern: RegExp; allowed: string; given: string }> = {
  accessKey: { pattern: /^[^]+$/, allowed: "must be a text", given: "<access key>" },
  secretKey: { pattern: /^[^]+$/, allowed: "must be a text", given: "<secret key>" },
  privateKey: {
    pattern: /^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[^]+\n-----END [A-Z ]*PRIVATE KEY-----\s*$/,
    allowed: "must be a private key in PEM, with its line breaks",
    given: "< key.pem",
  },
  accountKey: {
    pattern: /^[A-Za-z0-9+/]+={0,2}$/,
    allowed: "must be the storage account's key, in base64",
    given: "<account key>",
  },
};

// What an SSM parameter holds.
const mostCharacters = 4096;

/** Problems with `cacheCredentials`: of each runner there is what its cache needs, and nothing else. */
export function checkCacheCredentials(
  given: Record<string, Record<string, unknown>>,
  runners: NamedRunner[],
): Problem[] {
  const absent = runners.flatMap(({ name, credentials = [] }) =>
    credentials
      .filter((key) => given[name]?.[key] === undefined)
      .map((key) => missingSecret(pathText(["cacheCredentials", name, key]), forms[key].given)),
  );
  const wrong = Object.entries(given).flatMap(([name, held]) =>
    checkHeld(
      name,
      held,
      runners.find((runner) => runner.name === name),
    ),
  );
  return [...absent, ...wrong];
}

function checkHeld(name: string, held: Record<string, unknown>, runner: NamedRunner | undefined): Problem[] {
  const path = pathText(["cacheCredentials", name]);
  if (!runner) return [{ path, reason: `there is no runner ${name}: remove its credentials` }];
  const { credentials } = runner;
  if (!credentials) return [];
  if (credentials.length === 0) {
    const reason = "the fleet's own bucket needs none: remove them, or give the runner's cache another type";
    return [{ path, reason }];
  }
  return Object.entries(held).flatMap(([key, value]) => {
    const needed = credentials.find((one) => one === key);
    const reason = needed
      ? valueProblem(needed, value)
      : `there is no such key for this cache; there are: ${credentials.join(", ")}`;
    return reason === undefined ? [] : [{ path: pathText(["cacheCredentials", name, key]), reason }];
  });
}

function valueProblem(key: CredentialKey, value: unknown): string | undefined {
  if (value === hiddenSecret) return undefined;
  const { pattern, allowed } = forms[key];
  if (typeof value === "string" && pattern.test(value) && value.length <= mostCharacters) return undefined;
  return `${allowed}, of ${mostCharacters} characters at most; its value is not shown here`;
}
