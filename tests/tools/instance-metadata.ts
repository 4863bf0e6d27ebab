import { startHttpServer, type HttpServer } from "./http-server";

/** Credentials of an instance's role. */
export interface RoleCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  Token: string;
}

const token = "metadata-token-AQAEAKsecret==";

/** A stand-in for the instance metadata service, version 2: nothing is answered without a token. */
export async function startInstanceMetadata(role: string, credentials: RoleCredentials): Promise<HttpServer> {
  return await startHttpServer((request, response) => {
    const { method, url, headers } = request;
    const respond = (status: number, body: string) => {
      response.writeHead(status).end(body);
    };
    if (url === "/latest/api/token") {
      const allowed = method === "PUT" && headers["x-aws-ec2-metadata-token-ttl-seconds"] !== undefined;
      respond(allowed ? 200 : 405, token);
    } else if (headers["x-aws-ec2-metadata-token"] !== token) {
      respond(401, "");
    } else if (url === "/latest/meta-data/iam/security-credentials/") {
      respond(200, role);
    } else if (url === `/latest/meta-data/iam/security-credentials/${role}`) {
      const expiration = new Date(Date.now() + 3_600_000).toISOString();
      respond(
        200,
        JSON.stringify({ Code: "Success", Type: "AWS-HMAC", ...credentials, Expiration: expiration }),
      );
    } else {
      respond(404, "");
    }
  });
}
