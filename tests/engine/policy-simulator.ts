import { getGrantReasons, runSimulation } from "@cloud-copilot/iam-simulate";
import {
  paginateListAttachedRolePolicies,
  paginateListAttachedUserPolicies,
  paginateListRolePolicies,
  paginateListUserPolicies,
} from "@aws-sdk/client-iam";
import type { PolicyDocument, Statement } from "../../components/iam";
import { all, type Account } from "./account";

/** What AWS asks a policy about: a call is one or more of these. */
export interface AccessRequest {
  action: string;
  resource: string;
  context?: Record<string, string | string[]>;
}

/** What policies say to a request: the statements that allow it, none when it is denied. */
export type Decision = string[];

/** The policies of a user or a role, as they are attached in the account, and what they allow. Nothing in them is our source's. */
export class AttachedPolicies {
  private constructor(
    readonly principal: string,
    private readonly documents: { name: string; policy: PolicyDocument }[],
  ) {}

  static async ofUser(account: Account, principal: string): Promise<AttachedPolicies> {
    const client = { client: account.iam };
    const UserName = principal.split("/").at(-1) ?? "";
    const inline = await all(
      paginateListUserPolicies(client, { UserName }),
      ({ PolicyNames }) => PolicyNames,
    );
    if (inline.length > 0) throw new Error(`${principal} has policies of its own: ${inline.join(", ")}`);
    const attached = await all(
      paginateListAttachedUserPolicies(client, { UserName }),
      ({ AttachedPolicies }) => AttachedPolicies,
    );
    return new AttachedPolicies(principal, await managed(account, attached));
  }

  static async ofRole(account: Account, principal: string): Promise<AttachedPolicies> {
    const client = { client: account.iam };
    const RoleName = principal.split("/").at(-1) ?? "";
    const attached = await all(
      paginateListAttachedRolePolicies(client, { RoleName }),
      ({ AttachedPolicies }) => AttachedPolicies,
    );
    const names = await all(paginateListRolePolicies(client, { RoleName }), ({ PolicyNames }) => PolicyNames);
    const inline = names.map(async (PolicyName) => {
      return { name: PolicyName, policy: parsed(await account.rolePolicyDocument(RoleName, PolicyName)) };
    });
    return new AttachedPolicies(principal, [
      ...(await managed(account, attached)),
      ...(await Promise.all(inline)),
    ]);
  }

  get statements(): Statement[] {
    return this.documents.flatMap(({ policy }) => policy.Statement);
  }

  /** Each action of each statement on each of its resources. */
  get permissions(): { sid: string; action: string; resource: string }[] {
    return this.statements.flatMap(({ Sid, Action, Resource = [] }) =>
      [Action]
        .flat()
        .flatMap((action) => [Resource].flat().map((resource) => ({ sid: Sid, action, resource }))),
    );
  }

  /**
   * The Sids of the statements that allow a request.
   * @throws Error when AWS knows no such action, resource of it or condition of that.
   */
  async decide({ action, resource, context = {} }: AccessRequest): Promise<Decision> {
    const accountId = this.principal.split(":")[4] ?? "";
    const simulated = await runSimulation(
      {
        request: {
          principal: this.principal,
          action,
          resource: { resource, accountId },
          contextVariables: context,
        },
        identityPolicies: this.documents,
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    const question = `${action} on ${resource}`;
    if (simulated.resultType === "error") throw new Error(`${question}: ${simulated.errors.message}`);
    if (simulated.resultType === "wildcard") throw new Error(`${question} names no single resource`);
    const { ignoredContextKeys = [], analysis } = simulated.result;
    if (ignoredContextKeys.length > 0) {
      throw new Error(`${question} has no condition ${ignoredContextKeys.join(", ")}`);
    }
    return analysis.result === "Allowed"
      ? getGrantReasons(analysis).flatMap(({ policyType, statementId }) =>
          policyType === "identity" && statementId !== undefined ? [statementId] : [],
        )
      : [];
  }
}

async function managed(
  account: Account,
  attached: { PolicyName?: string | undefined; PolicyArn?: string | undefined }[],
): Promise<{ name: string; policy: PolicyDocument }[]> {
  return await Promise.all(
    attached.map(async ({ PolicyName = "", PolicyArn = "" }) => ({
      name: PolicyName,
      policy: parsed(await account.policyDocument(PolicyArn)),
    })),
  );
}

function parsed(document: string): PolicyDocument {
  return JSON.parse(document) as PolicyDocument;
}
