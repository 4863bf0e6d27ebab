import "reflect-metadata";
import { webcrypto } from "crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  NameConstraints,
  id_ce_nameConstraints,
} from "@peculiar/asn1-x509";
import * as x509 from "@peculiar/x509";

/** A server's certificate, with what a client trusts it by. */
export interface ServerCertificate {
  /** PEM of the authority that signed it. It can only vouch for this server's name. */
  caCertificate: string;
  /** PEM. */
  certificate: string;
  /** PEM of its private key: a secret. */
  privateKey: string;
}

const algorithm = { name: "Ed25519" };
const serverAuthentication = "1.3.6.1.5.5.7.3.1";

// So wide that no machine's wrong clock makes a certificate invalid. Another key is made by replacing its seed.
const validity = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2080-01-01T00:00:00Z") };

/** What precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const privateKeyPrefix = Buffer.from("302e020100300506032b657004220420", "hex");

async function keyPair(seed: Buffer): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const encoded = Buffer.concat([privateKeyPrefix, seed]);
  const privateKey = await webcrypto.subtle.importKey("pkcs8", encoded, algorithm, true, ["sign"]);
  const { kty, crv, x } = await webcrypto.subtle.exportKey("jwk", privateKey);
  const publicPart = { ...(kty && { kty }), ...(crv && { crv }), ...(x && { x }) };
  const publicKey = await webcrypto.subtle.importKey("jwk", publicPart, algorithm, true, ["verify"]);
  return { keys: { privateKey, publicKey }, pem: x509.PemConverter.encode(encoded, "PRIVATE KEY") };
}

function onlyFor(host: string): x509.Extension {
  const subtree = new GeneralSubtree({ base: new GeneralName({ dNSName: host }) });
  const constraints = new NameConstraints({ permittedSubtrees: new GeneralSubtrees([subtree]) });
  return new x509.Extension(id_ce_nameConstraints, true, AsnConvert.serialize(constraints));
}

/**
 * A certificate authority of the server's own, and the certificate that it signed. They depend on the arguments only (Ed25519
 * signs without chance), so they are the same in every `pulumi up`.
 * @param host the server's DNS name
 * @param seeds 32 random bytes in base64, for each of the two keys
 */
export async function serverCertificate(
  host: string,
  seeds: { authority: string; server: string },
): Promise<ServerCertificate> {
  x509.cryptoProvider.set(webcrypto);
  const [authority, server] = await Promise.all([
    keyPair(Buffer.from(seeds.authority, "base64")),
    keyPair(Buffer.from(seeds.server, "base64")),
  ]);
  const issuer = "CN=Registries of a GitLab Runner fleet";
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: "01",
    name: issuer,
    signingAlgorithm: algorithm,
    keys: authority.keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      onlyFor(host),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: "02",
    subject: "CN=Registry mirror",
    issuer,
    signingAlgorithm: algorithm,
    publicKey: server.keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([serverAuthentication]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
    ],
  });
  return {
    caCertificate: `${ca.toString("pem")}\n`,
    certificate: `${certificate.toString("pem")}\n`,
    privateKey: `${server.pem}\n`,
  };
}
