import { mkdirSync } from "fs";
import { join } from "path";
import { runNow } from "./processes";

/** A private CA, and what it signed for a daemon and for a client. */
export interface Certificates {
  folder: string;
}

const host = "build-daemon";

export function makeCertificates(parent: string): Certificates {
  const folder = join(parent, "certificates");
  mkdirSync(folder);
  const file = (name: string) => join(folder, name);
  const request = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "1",
  ];
  runNow("openssl", ...request, "-subj", "/CN=CA", "-keyout", file("ca.key"), "-out", file("ca.pem"));
  for (const name of [host, "client"]) {
    const signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-addext", `subjectAltName=DNS:${name}`];
    // OpenSSL would make it a CA of its own otherwise.
    const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    const output = ["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
    runNow("openssl", ...request, "-subj", `/CN=${name}`, ...signed, ...leaf, ...output);
  }
  return { folder };
}

/** What `buildkitd` is told: only clients that the CA signed for. */
export function serverFlags({ folder }: Certificates): string[] {
  return [
    ...["--tlscacert", join(folder, "ca.pem")],
    ...["--tlscert", join(folder, `${host}.pem`), "--tlskey", join(folder, `${host}.key`)],
  ];
}

/** What `buildctl` is told. */
export function clientFlags({ folder }: Certificates): string[] {
  return [
    ...["--tlsservername", host, "--tlscacert", join(folder, "ca.pem")],
    ...["--tlscert", join(folder, "client.pem"), "--tlskey", join(folder, "client.key")],
  ];
}
