import { X509Certificate } from "crypto";
import { createServer } from "https";
import { connect } from "tls";
import { serverCertificate } from "../components/certificates";

const host = "registry-mirror.dev.gitlab-runner-fleet.internal";
const seed = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const make = (name = host) => serverCertificate(name, { authority: seed(1), server: seed(2) });

describe("The registries' certificate", () => {
  it("is the same for the same random bytes, so that no up changes it", async () => {
    expect(await make()).toEqual(await make());
    const other = await serverCertificate(host, { authority: seed(1), server: seed(3) });
    expect(other.privateKey).not.toBe((await make()).privateKey);
    expect(other.caCertificate).toBe((await make()).caCertificate);
  });

  it("is for the mirror's name, signed by an authority that is for nothing else", async () => {
    const { certificate, caCertificate } = await make();
    const server = new X509Certificate(certificate);
    const authority = new X509Certificate(caCertificate);
    expect(server.subjectAltName).toBe(`DNS:${host}`);
    expect(server.verify(authority.publicKey)).toBe(true);
    expect([server.ca, authority.ca]).toEqual([false, true]);
    // Name constraints: critical, one permitted DNS name.
    const constraint = Buffer.from("0603551d1e0101ff", "hex");
    const at = authority.raw.indexOf(constraint);
    expect(authority.raw.subarray(at, at + 20 + host.length).toString("latin1")).toContain(host);
  });

  it("holds whatever a machine's clock says", async () => {
    const { certificate } = await make();
    const { validFrom, validTo } = new X509Certificate(certificate);
    expect([new Date(validFrom).getUTCFullYear(), new Date(validTo).getUTCFullYear()]).toEqual([2020, 2080]);
  });

  it("is trusted by a client that has the authority's, and by no other", async () => {
    const { certificate, privateKey, caCertificate } = await make("localhost");
    const server = createServer({ cert: certificate, key: privateKey }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const outcome = (options: { ca?: string }) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ...options }, () => {
          resolve("trusted");
          socket.destroy();
        }).once("error", (error: Error) => {
          resolve(error.message);
        });
      });
    expect(await outcome({ ca: caCertificate })).toBe("trusted");
    expect(await outcome({})).toBe("unable to verify the first certificate");
    server.close();
  });
});
